WITH version AS (
    SELECT partner, entity, key, person_id, known_from, known_to FROM core.crosswalk_history
    UNION ALL
    SELECT partner, entity, key, person_id, known_from, 'infinity' FROM core.crosswalk
), followed AS (
    SELECT person_id, known_to, lead(known_from) OVER (PARTITION BY partner, entity, key ORDER BY known_from) AS next_from
    FROM version
)
SELECT person_id AS id FROM followed WHERE next_from < known_to
