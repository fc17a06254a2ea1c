UPDATE ops.link_lease SET state_seq = state_seq + 1, last_known_at = %(known_at)s WHERE fence = %(fence)s
RETURNING state_seq
