SELECT * FROM ops.link_plan WHERE link_plan_id = %(plan_id)s AND finished_at IS NOT NULL
