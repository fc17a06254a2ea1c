UPDATE ops.quarantine q
SET state = %(to)s, attempts = CASE WHEN %(to)s = 'open' THEN 0 ELSE attempts END,
    closed_at = CASE WHEN %(to)s = 'waived' THEN clock_timestamp() END,
    closed_by = CASE WHEN %(to)s = 'waived' THEN %(by)s END,
    closed_reason = CASE WHEN %(to)s = 'waived' THEN 'person' END
WHERE q.quarantine_id = ANY (%(ids)s)
