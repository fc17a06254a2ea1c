-- Records that are gone: a deleted patient, a member whose key changed.
INSERT INTO ops.link_plan_row (link_plan_id, entity, partner, key, action, part, rule, person_before, before_known_from)
SELECT %(plan_id)s, x.entity, x.partner, x.key, 'retire', 'grant', x.rule, x.person_id, x.known_from
FROM core.crosswalk x
LEFT JOIN link_member m ON x.entity = 'member' AND m.partner = x.partner AND m.key = x.key
LEFT JOIN link_patient p ON x.entity = 'patient' AND p.partner = x.partner AND p.key = x.key
WHERE m.row_id IS NULL AND p.row_id IS NULL
