SELECT * FROM ops.plan WHERE delivery_id = %(delivery_id)s AND finished_at IS NOT NULL ORDER BY plan_id DESC LIMIT 1
