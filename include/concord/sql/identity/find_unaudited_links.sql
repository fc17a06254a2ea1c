SELECT link_plan_id AS id FROM ops.link_plan
WHERE known_at IS NOT NULL AND ops.count_audited('link.apply', 'link_plan:' || link_plan_id) <> 1
