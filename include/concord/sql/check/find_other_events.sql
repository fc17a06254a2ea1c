-- An event says what the plan did to its row; a row that the plan did not know was added.
WITH applied AS (
{applied}
)
SELECT o.delivery_id AS id FROM ops.outbox o JOIN applied a USING (delivery_id)
LEFT JOIN ops.plan_row p ON p.plan_id = a.plan_id AND p.entity = o.entity AND p.held_row_id = o.row_id AND p.part <> 'none'
WHERE o.entity = %(entity)s AND o.action <> coalesce(p.action, 'add')
