DELETE FROM ops.plan_row p USING overlapping o
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.key = o.key
