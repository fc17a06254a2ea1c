-- Explicit ends and voids of older deliveries that this one takes the place of (reconcile §3), unless an older
-- one after them said something else: a full shows a span as it is held by having no plan row for it.
CREATE TEMP TABLE carried ON COMMIT DROP AS
WITH older AS (
    SELECT plan_id, place FROM unnest(%(carried_plans)s::bigint[]) WITH ORDINALITY AS o(plan_id, place)
)
SELECT DISTINCT ON (pr.held_row_id) pr.held_row_id AS row_id, p.delivery_id,
       coalesce(pr.line, (pr.evidence ->> 'line')::bigint) AS line,
       CASE WHEN pr.action = 'void' THEN pr.from_before ELSE pr.to_after END AS end_date
FROM older o JOIN ops.plan p USING (plan_id) JOIN ops.plan_row pr USING (plan_id)
WHERE pr.entity = %(entity)s AND (pr.line IS NOT NULL OR pr.reason = 'member_ended') AND pr.part = 'loss' AND pr.action IN ('end', 'correct_end', 'void')
  AND NOT EXISTS (
    SELECT FROM older later LEFT JOIN ops.plan_row silent ON silent.plan_id = later.plan_id
        AND silent.entity = %(entity)s AND silent.held_row_id = pr.held_row_id AND silent.line IS NULL
        AND silent.reason IS DISTINCT FROM 'quarantined_present'
    WHERE later.place > o.place AND silent.plan_row_id IS NULL)
ORDER BY pr.held_row_id, o.place DESC
