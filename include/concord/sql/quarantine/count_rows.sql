SELECT q.feed, reason, q.state, count(*) AS rows, count(DISTINCT q.delivery_id) AS deliveries,
       clock_timestamp() - min(q.first_seen_at) AS oldest
FROM ops.quarantine q CROSS JOIN LATERAL unnest(q.reasons) AS reason
WHERE (%(feed)s::text IS NULL OR q.feed = %(feed)s)
  AND (%(delivery_id)s::text IS NULL OR q.delivery_id = %(delivery_id)s)
  AND (%(reason)s::text IS NULL OR %(reason)s = ANY (q.reasons))
  AND (%(since)s::timestamptz IS NULL OR q.first_seen_at >= %(since)s)
  AND (%(state)s::text IS NULL OR q.state = %(state)s)
GROUP BY q.feed, reason, q.state ORDER BY q.feed, rows DESC, reason, q.state
