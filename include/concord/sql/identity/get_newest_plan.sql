SELECT * FROM ops.link_plan WHERE finished_at IS NOT NULL ORDER BY link_plan_id DESC LIMIT 1
