-- Records compare with nulls as values; a row of one version has nothing to be equal to.
WITH version AS (
    SELECT row_id, known_from, ROW({content}) AS content FROM {history}
    UNION ALL
    SELECT row_id, known_from, ROW({content}) FROM {core} WHERE row_id IN (SELECT row_id FROM {history})
), followed AS (
    SELECT row_id, content, lag(content) OVER (PARTITION BY row_id ORDER BY known_from) AS before FROM version
)
SELECT row_id AS id FROM followed WHERE content = before
