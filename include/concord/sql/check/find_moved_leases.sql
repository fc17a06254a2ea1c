-- Deliveries are the only writers: the lease says what the last of them left.
WITH applied AS (
    SELECT feed, max(applied_seq) AS seq, max(known_at) AS known_at,
           (array_agg(delivery_id ORDER BY applied_seq DESC))[1] AS newest,
           (array_agg(delivery_id ORDER BY applied_seq DESC) FILTER (WHERE mode = 'full'))[1] AS newest_full
    FROM ops.delivery WHERE applied_seq IS NOT NULL GROUP BY feed
)
SELECT l.feed AS id FROM ops.lease l LEFT JOIN applied a USING (feed)
WHERE l.state_seq <> coalesce(a.seq, 0) OR l.last_known_at <> coalesce(a.known_at, '1970-01-01')
   OR l.applied_delivery_id IS DISTINCT FROM a.newest OR l.seen_delivery_id IS DISTINCT FROM a.newest_full
