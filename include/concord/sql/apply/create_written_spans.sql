-- The versions that will be believed from now on, computed before the old ones go.
CREATE TEMP TABLE written_eligibility ON COMMIT DROP AS
SELECT CASE WHEN p.splits THEN NULL ELSE h.row_id END AS row_id, p.action, {s_key},
       p.from_after AS effective_from, p.to_after AS effective_to, {effective},
       CASE WHEN p.to_after IS NOT NULL THEN 'explicit' END AS end_kind, NULL::jsonb AS end_evidence,
       %(delivery_id)s AS delivery_id, s.line
FROM ops.plan_row p JOIN {stage} s ON s.line = p.line LEFT JOIN {core} h ON h.row_id = p.held_row_id
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = ANY (%(parts)s)
  AND p.action IN ('add', 'change', 'correct_start', 'correct_end', 'end', 'reinstate')
UNION ALL
-- An end that no row states, or its taking back: what the member had stays, with the rule and its evidence.
SELECT h.row_id, p.action, {h_key}, p.from_after, p.to_after, {h_carried},
       CASE WHEN p.to_after IS NULL THEN NULL WHEN p.inferred THEN 'inferred' ELSE 'explicit' END,
       CASE WHEN p.to_after IS NOT NULL THEN p.evidence END, h.delivery_id, h.line
FROM ops.plan_row p JOIN {core} h ON h.row_id = p.held_row_id
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = ANY (%(parts)s)
  AND p.line IS NULL AND p.action IN ('end', 'correct_end', 'reinstate')
UNION ALL
-- A change that begins inside the held span: what came before it stays covered as it was.
SELECT h.row_id, p.action, {h_key}, h.effective_from, p.from_after, {h_carried}, 'explicit',
       jsonb_build_object('rule', 'change.new_start', 'delivery', %(delivery_id)s, 'line', p.line), h.delivery_id, h.line
FROM ops.plan_row p JOIN {core} h ON h.row_id = p.held_row_id
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.part = ANY (%(parts)s) AND p.splits
