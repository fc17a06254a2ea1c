UPDATE ops.lease
SET state_seq = state_seq + 1, last_known_at = %(known_at)s, applied_delivery_id = %(delivery_id)s,
    seen_delivery_id = CASE WHEN %(is_full)s THEN %(delivery_id)s ELSE seen_delivery_id END
WHERE feed = %(feed)s AND fence = %(fence)s
RETURNING state_seq
