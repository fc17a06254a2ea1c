INSERT INTO ops.plan_row (plan_id, entity, action, part, key, scope, held_row_id, from_before, to_before, content_hash, reason)
SELECT %(plan_id)s, %(entity)s, 'keep', 'none', o.key, ARRAY[{h_scope}], h.row_id, h.effective_from, h.effective_to,
       h.content_hash, 'quarantined_present'
FROM overlapping o JOIN {core} h ON h.partner = %(partner)s AND ARRAY[{h_key}] = o.key
