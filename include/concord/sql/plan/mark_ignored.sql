UPDATE {stage} t SET disposition = 'ignored', reason = p.reason
FROM ops.plan_row p
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.action = 'ignored' AND p.line = t.line
