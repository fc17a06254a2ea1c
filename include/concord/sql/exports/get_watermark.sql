-- The server's clock of the last export of this group that got in; nothing where a type was not asked for then, or it
-- was asked for in another way: a crawl knew other patients than an export brings.
SELECT e.transaction_time FROM ops.export e JOIN ops.delivery d USING (delivery_id)
WHERE e.feed = %(feed)s AND e.group_id = %(group_id)s AND e.types @> %(types)s::text[]
  AND (e.status_url_sealed IS NULL) = %(is_crawl)s
  AND d.state IN ('applied', 'published', 'duplicate') AND e.transaction_time IS NOT NULL
ORDER BY e.transaction_time DESC LIMIT 1
