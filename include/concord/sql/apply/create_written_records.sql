CREATE TEMP TABLE {written} ON COMMIT DROP AS
SELECT h.row_id, p.action, {s_key}, {effective}, %(delivery_id)s AS delivery_id, s.line
FROM ops.plan_row p JOIN {stage} s ON s.line = p.line AND s.entity = p.entity AND NOT s.deleted AND ARRAY[{s_key}] = p.key
LEFT JOIN {core} h ON h.row_id = p.held_row_id
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = ANY (%(parts)s) AND p.action IN ('add', 'change')
