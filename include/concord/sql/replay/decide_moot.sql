INSERT INTO ops.plan_row (plan_id, entity, action, part, key, scope, line, from_after, to_after, content_hash, reason)
SELECT %(plan_id)s, %(entity)s, 'ignored', 'none', ARRAY[{s_key}],
       CASE WHEN s.group_id IS NOT NULL AND s.coverage_line IS NOT NULL THEN ARRAY[{s_scope}] END,
       s.line, s.effective_from, s.effective_to, s.{hash}, s.reason
FROM {stage} s WHERE s.disposition = 'ignored' AND s.reason = 'newer_truth'
