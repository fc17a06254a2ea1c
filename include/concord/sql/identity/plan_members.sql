INSERT INTO ops.link_plan_row (link_plan_id, entity, partner, key, action, part, rule, person_before, person_after,
                               before_known_from, evidence)
SELECT %(plan_id)s, 'member', m.partner, m.key, 'new', 'grant', m.rule, NULL, m.person_id, NULL,
       jsonb_build_object('members', to_jsonb(coalesce(m.joined, ARRAY[m.row_id])))
FROM link_member m WHERE m.person_before IS NULL
UNION ALL
SELECT %(plan_id)s, 'member', m.partner, m.key, 'unlink', 'loss', 'own', m.person_before, d.person_id,
       m.before_known_from, '{{}}'
FROM link_parted d JOIN link_member m USING (row_id)
