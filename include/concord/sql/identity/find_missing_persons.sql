SELECT x.person_id AS id FROM core.crosswalk x LEFT JOIN core.person n USING (person_id) WHERE n.person_id IS NULL
UNION ALL
SELECT x.person_id FROM core.crosswalk_history x LEFT JOIN core.person n USING (person_id) WHERE n.person_id IS NULL
