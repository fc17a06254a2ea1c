UPDATE ops.link_plan SET applied_parts = %(parts)s, known_at = %(known_at)s WHERE link_plan_id = %(plan_id)s
