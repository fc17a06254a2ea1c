-- The crawl that got in at that time of the server's: its roster says who was asked for.
SELECT * FROM ops.export WHERE feed = %(feed)s AND group_id = %(group_id)s AND transaction_time = %(since)s
  AND status_url_sealed IS NULL AND manifest_sealed IS NOT NULL
ORDER BY wanted_at DESC LIMIT 1
