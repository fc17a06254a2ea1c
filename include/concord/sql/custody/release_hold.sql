UPDATE ops.legal_hold SET released_by = %(by)s, released_at = clock_timestamp(), release_reason = %(reason)s
WHERE legal_hold_id = %(legal_hold_id)s AND released_at IS NULL RETURNING legal_hold_id
