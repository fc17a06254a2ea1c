SELECT plan_id, delivery_id, digest FROM ops.plan WHERE finished_at IS NOT NULL ORDER BY plan_id
