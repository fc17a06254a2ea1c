-- As sets: the versions an apply closed are those its plan replaces, each by the action it names.
WITH applied AS (
{applied}
), planned AS (
    SELECT a.delivery_id, p.held_row_id AS row_id, p.action FROM applied a JOIN ops.plan_row p USING (plan_id)
    WHERE p.entity = %(entity)s AND p.part <> 'none' AND p.held_row_id IS NOT NULL
      AND p.action IN ('change', 'correct_start', 'correct_end', 'end', 'reinstate', 'void')
), closed AS (
    SELECT closed_by_delivery_id AS delivery_id, row_id, closed_by_action AS action FROM {history}
)
SELECT delivery_id AS id FROM planned p FULL JOIN closed c USING (delivery_id, row_id)
WHERE p.action IS DISTINCT FROM c.action
