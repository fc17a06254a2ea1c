-- Explicit ends and voids of older deliveries that this one takes the place of (reconcile §3).
CREATE TEMP TABLE carried ON COMMIT DROP AS
SELECT DISTINCT ON (pr.held_row_id) pr.held_row_id AS row_id, p.delivery_id, pr.line,
       CASE WHEN pr.action = 'void' THEN pr.from_before ELSE pr.to_after END AS end_date
FROM ops.plan_row pr JOIN ops.plan p USING (plan_id)
WHERE p.plan_id = ANY (%(carried_plans)s::bigint[]) AND pr.entity = %(entity)s
  AND pr.line IS NOT NULL AND pr.part = 'loss' AND pr.action IN ('end', 'correct_end', 'void')
ORDER BY pr.held_row_id, p.plan_id DESC
