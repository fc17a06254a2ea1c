-- Two patients of one health system who would be the same member: one of them may be somebody else. Who is linked
-- already stays; a person's answer stands.
WITH claimed AS (
    SELECT partner, target AS person_id, root_id FROM link_choice WHERE target IS NOT NULL
    UNION
    SELECT partner, person_before, root_id FROM link_patient WHERE person_before IS NOT NULL
), contended AS (
    SELECT partner, person_id FROM claimed GROUP BY partner, person_id HAVING count(*) > 1
)
UPDATE link_choice c SET target = NULL, reason = 'several_patients'
FROM contended d
WHERE d.partner = c.partner AND d.person_id = c.target AND NOT c.is_pinned AND c.target IS DISTINCT FROM c.person_before
