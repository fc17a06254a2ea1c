SELECT min(person_id::text) AS id FROM core.crosswalk GROUP BY partner, entity, key HAVING count(*) > 1
