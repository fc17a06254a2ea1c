-- The plan that was applied is the newest one: nothing plans a delivery after its apply.
SELECT DISTINCT ON (p.delivery_id) p.plan_id, p.delivery_id, p.digest, p.verdict, d.feed, d.known_at
FROM ops.plan p JOIN ops.delivery d USING (delivery_id)
WHERE d.known_at IS NOT NULL AND p.finished_at IS NOT NULL
ORDER BY p.delivery_id, p.plan_id DESC
