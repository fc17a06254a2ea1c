-- A person is entered with the first record that is it. Whoever stays the same person keeps the day it began.
WITH planned AS (
    SELECT * FROM ops.link_plan_row
    WHERE link_plan_id = %(plan_id)s AND part = ANY (%(parts)s) AND person_after IS NOT NULL
), entered AS (
    INSERT INTO core.person (person_id, link_plan_id, known_from)
    SELECT DISTINCT p.person_after, %(plan_id)s::bigint, %(known_at)s::timestamptz FROM planned p
    WHERE NOT EXISTS (SELECT FROM core.person n WHERE n.person_id = p.person_after)
    RETURNING 1
), opened AS (
    INSERT INTO core.crosswalk (partner, entity, key, person_id, rule, evidence, since, link_plan_id, known_from)
    SELECT p.partner, p.entity, p.key, p.person_after, p.rule, p.evidence,
           CASE WHEN p.person_before = p.person_after THEN h.since ELSE %(known_at)s END, %(plan_id)s, %(known_at)s
    FROM planned p
    LEFT JOIN core.crosswalk_history h ON h.partner = p.partner AND h.entity = p.entity AND h.key = p.key
                                      AND h.known_to = %(known_at)s
    RETURNING 1
)
SELECT (SELECT count(*) FROM entered) AS persons, (SELECT count(*) FROM opened) AS opened,
       (SELECT count(*) FROM planned) AS planned
