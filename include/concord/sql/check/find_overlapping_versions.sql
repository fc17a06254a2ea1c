WITH version AS (
    SELECT row_id, known_from, known_to FROM {history}
    UNION ALL
    SELECT row_id, known_from, 'infinity' FROM {core} WHERE row_id IN (SELECT row_id FROM {history})
), followed AS (
    SELECT row_id, known_from, max(known_to) OVER (
        PARTITION BY row_id ORDER BY known_from, known_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS until
    FROM version
)
SELECT row_id AS id FROM followed WHERE known_from < until
