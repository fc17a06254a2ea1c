SELECT q.quarantine_id, q.delivery_id, q.line, q.line_count, q.reasons, q.state, q.attempts, q.first_seen_at,
       q.raw_sealed, NULL AS obstacle
FROM ops.replay_row r JOIN ops.quarantine q USING (quarantine_id)
WHERE r.delivery_id = %(delivery_id)s ORDER BY r.line
