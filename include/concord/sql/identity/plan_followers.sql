-- Who follows waits where the survivor waits, and where following would take it off a member. Who is new cannot wait
-- for a person of its own, and is not put onto one that its survivor is about to leave.
INSERT INTO ops.link_plan_row (link_plan_id, entity, partner, key, action, part, rule, person_before, person_after,
                               before_known_from, evidence)
SELECT %(plan_id)s, 'patient', d.partner, d.key, d.action,
       CASE WHEN d.action <> 'new' AND (d.waits OR d.leaves) THEN 'loss' ELSE 'grant' END,
       CASE WHEN d.action = 'new' THEN 'own' ELSE 'merged' END, d.person_before,
       CASE WHEN d.action = 'new' THEN gen_random_uuid() ELSE d.person_id END, d.before_known_from,
       jsonb_build_object('patients', to_jsonb(ARRAY[d.root_id]))
FROM (
    SELECT p.partner, p.key, p.person_before, p.before_known_from, o.root_id, o.person_id, r.action IS NOT NULL AS waits,
           p.person_before <> o.person_id
               AND p.person_before IN (SELECT person_id FROM link_member WHERE NOT is_unknown) AS leaves,
           CASE WHEN p.person_before IS NULL AND r.action IS NOT NULL THEN 'new'
                WHEN p.person_before = o.person_id THEN 'restate' ELSE 'follow' END AS action
    FROM link_patient p
    JOIN link_outcome o ON o.root_id = p.root_id
    LEFT JOIN ops.link_plan_row r ON r.link_plan_id = %(plan_id)s AND r.entity = 'patient' AND r.partner = o.partner
                                 AND r.key = o.key AND r.action IN ('relink', 'unlink')
    WHERE p.root_id <> p.row_id
      AND (p.person_before IS DISTINCT FROM o.person_id OR p.rule_before <> 'merged')
) AS d
