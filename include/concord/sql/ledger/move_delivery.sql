-- state_at is touched so that a move to the same state (planned again) is recorded as an event too.
UPDATE ops.delivery
SET state = %(to)s, state_reason = %(reason)s, state_at = clock_timestamp(){assignments}
WHERE delivery_id = %(delivery_id)s
