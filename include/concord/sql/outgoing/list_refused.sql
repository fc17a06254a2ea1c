SELECT q.quarantine_id, q.delivery_id, q.line, q.line_count, q.reasons, q.state, q.attempts, q.first_seen_at,
       q.raw_sealed, NULL AS obstacle
FROM ops.quarantine q WHERE q.delivery_id = %(delivery_id)s AND q.raw_sealed IS NOT NULL ORDER BY q.line, q.quarantine_id
