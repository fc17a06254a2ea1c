-- One version is closed and the next opened at the same instant; only a voided row has no next one.
WITH version AS (
    SELECT row_id, known_from, known_to, closed_by_action FROM {history}
    UNION ALL
    SELECT row_id, known_from, NULL, NULL FROM {core} WHERE row_id IN (SELECT row_id FROM {history})
), followed AS (
    SELECT *, lead(known_from) OVER (PARTITION BY row_id ORDER BY known_from) AS next_from FROM version
)
SELECT row_id AS id FROM followed
WHERE known_to < next_from OR (next_from IS NULL AND known_to IS NOT NULL AND closed_by_action <> 'void')
