-- What came from the partner; replays and undos are our own. A repeat of what is in the tables is as good as it.
SELECT d.delivery_id, d.state, d.state_reason, d.file_date, d.discovered_at,
       d.landed_at IS NOT NULL AND d.state <> 'rejected' AS arrived,
       coalesce(t.state, d.state) IN ('applied', 'published', 'compared') AS in_tables
FROM ops.delivery d
LEFT JOIN ops.delivery t ON t.delivery_id = d.duplicate_of
WHERE d.feed = %(feed)s AND d.kind = 'delivery'
ORDER BY d.arrival
