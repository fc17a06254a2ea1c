-- Whoever came first has it.
UPDATE ops.incident SET acked_at = coalesce(acked_at, clock_timestamp()), acked_by = coalesce(acked_by, %(by)s)
WHERE incident_id = %(incident_id)s AND state = 'open'
RETURNING acked_by, subject
