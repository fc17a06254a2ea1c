SELECT c.delivery_id AS id FROM ops.decision c
WHERE NOT EXISTS (SELECT FROM ops.plan p WHERE p.delivery_id = c.delivery_id AND p.digest = c.digest)
   OR NOT EXISTS (SELECT FROM ops.plan p WHERE p.plan_id = c.plan_id AND p.delivery_id = c.delivery_id)
