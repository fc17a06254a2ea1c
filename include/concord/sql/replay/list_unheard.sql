-- A row that a replay counted, or that a newer delivery made moot, has been said; the others are silence.
SELECT q.quarantine_id, q.delivery_id, q.line, q.line_count, q.reasons, q.state, q.attempts, q.first_seen_at,
       q.raw_sealed, NULL AS obstacle
FROM ops.quarantine q JOIN ops.delivery d USING (delivery_id)
WHERE q.delivery_id = ANY (%(delivery_ids)s) AND q.raw_sealed IS NOT NULL AND d.shredded_at IS NULL
  AND (q.state IN ('open', 'poison') OR (q.state = 'waived' AND q.closed_reason = 'person'))
ORDER BY q.delivery_id, q.line
