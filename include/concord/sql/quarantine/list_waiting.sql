-- Rows of a delivery that is not in the tables are found anew when it is staged again: that is their replay.
SELECT q.quarantine_id, q.delivery_id, q.line, q.line_count, q.reasons, q.state, q.attempts, q.first_seen_at,
       q.raw_sealed,
       CASE WHEN r.quarantine_id IS NOT NULL THEN 'in_replay'
            WHEN d.state NOT IN ('applied', 'published') THEN 'not_written'
            WHEN q.raw_sealed IS NULL OR d.shredded_at IS NOT NULL THEN 'shredded'
            WHEN 'record.too_long' = ANY (q.reasons) THEN 'kept_in_part'
            WHEN q.state = 'poison' AND NOT %(poison)s THEN 'poison' END AS obstacle
FROM ops.quarantine q JOIN ops.delivery d USING (delivery_id)
LEFT JOIN ops.replay_row r ON r.quarantine_id = q.quarantine_id AND r.outcome IS NULL
WHERE q.feed = %(feed)s AND q.state IN ('open', 'poison')
  AND (%(delivery_id)s::text IS NULL OR q.delivery_id = %(delivery_id)s)
  AND (%(reason)s::text IS NULL OR %(reason)s = ANY (q.reasons))
  AND (%(since)s::timestamptz IS NULL OR q.first_seen_at >= %(since)s)
ORDER BY d.arrival, q.line
