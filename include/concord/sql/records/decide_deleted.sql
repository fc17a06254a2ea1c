-- Deleted at the source; or a component that the resource, stated anew, has no longer.
INSERT INTO ops.plan_row (plan_id, entity, action, part, key, held_row_id, line, content_hash, reason)
SELECT %(plan_id)s, %(entity)s, 'void', 'loss', ARRAY[{h_key}], h.row_id, s.line, h.content_hash,
       CASE WHEN s.deleted THEN 'deleted' ELSE 'component_gone' END
FROM (SELECT DISTINCT resource_id, line, deleted FROM {stage} WHERE disposition = 'consumed' AND entity = %(entity)s) s
JOIN {core} h ON h.partner = %(partner)s AND h.resource_id = s.resource_id
WHERE s.deleted OR NOT EXISTS (SELECT FROM {stage} q WHERE q.disposition = 'consumed' AND q.entity = %(entity)s
    AND q.line = s.line AND {q_is_h})
