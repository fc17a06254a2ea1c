-- A link that stands by itself alone keeps the rule that made it.
INSERT INTO ops.link_plan_row (link_plan_id, entity, partner, key, action, part, rule, person_before, person_after,
                               before_known_from, evidence)
SELECT %(plan_id)s, 'patient', d.partner, d.key, d.action,
       CASE WHEN d.action IN ('relink', 'unlink') THEN 'loss' ELSE 'grant' END, d.rule, d.person_before, d.person_id,
       d.before_known_from, d.evidence
FROM (
    SELECT o.partner, o.key, o.person_before, o.person_id, p.before_known_from, o.evidence,
           CASE WHEN o.rule = 'standing' THEN coalesce(nullif(p.rule_before, 'own'), 'merged') ELSE o.rule END AS rule,
           CASE WHEN o.person_before IS NULL AND o.rule = 'own' THEN 'new'
                WHEN o.person_before = o.person_id THEN
                    CASE WHEN o.rule NOT IN (p.rule_before, 'standing') THEN 'restate' END
                WHEN o.rule = 'own' THEN 'unlink'
                WHEN o.is_linked THEN 'relink'
                ELSE 'link' END AS action
    FROM link_outcome o JOIN link_patient p ON p.row_id = o.root_id
) AS d
WHERE d.action IS NOT NULL
