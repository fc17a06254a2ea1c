-- linked: patients that are members now; changed: those of them that the plan takes elsewhere or that are gone.
WITH joined AS (
    SELECT person_id FROM core.crosswalk WHERE entity = 'member'
    INTERSECT SELECT person_id FROM core.crosswalk WHERE entity = 'patient'
)
SELECT (SELECT count(*) FROM link_member) AS members, (SELECT count(*) FROM link_patient) AS patients,
       (SELECT count(*) FROM core.crosswalk x JOIN joined USING (person_id) WHERE x.entity = 'patient') AS linked,
       (SELECT count(*) FROM ops.link_plan_row r JOIN joined j ON j.person_id = r.person_before
        WHERE r.link_plan_id = %(plan_id)s AND r.action IN ('relink', 'unlink', 'follow', 'retire')
          AND r.person_after IS DISTINCT FROM r.person_before) AS changed,
       (SELECT count(*) FROM ops.link_plan_row r WHERE r.link_plan_id = %(plan_id)s AND r.part = 'loss') AS losses
