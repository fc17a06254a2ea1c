-- Where a row is now and why; never what it says.
SELECT q.delivery_id, q.line, q.state, q.reasons, q.attempts, clock_timestamp() - q.first_seen_at AS age,
       d.file_date, d.state AS delivery_state, q.closed_reason, q.closed_by, r.delivery_id AS in_replay
FROM ops.quarantine q JOIN ops.delivery d USING (delivery_id)
LEFT JOIN ops.replay_row r ON r.quarantine_id = q.quarantine_id AND r.outcome IS NULL
WHERE (%(feed)s::text IS NULL OR q.feed = %(feed)s)
  AND (%(delivery_id)s::text IS NULL OR q.delivery_id = %(delivery_id)s)
  AND (%(reason)s::text IS NULL OR %(reason)s = ANY (q.reasons))
  AND (%(since)s::timestamptz IS NULL OR q.first_seen_at >= %(since)s)
  AND (%(state)s::text IS NULL OR q.state = %(state)s)
ORDER BY d.arrival DESC, q.line
LIMIT %(limit)s
