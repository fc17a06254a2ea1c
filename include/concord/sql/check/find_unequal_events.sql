-- As sets: one event for each row that an apply opened or closed, and none besides.
WITH touched AS (
    SELECT d.delivery_id, v.row_id FROM (
        SELECT row_id, feed, known_from FROM {core} UNION ALL SELECT row_id, feed, known_from FROM {history}) v
    JOIN ops.delivery d ON d.feed = v.feed AND d.known_at = v.known_from
    UNION
    SELECT closed_by_delivery_id, row_id FROM {history}
), told AS (
    SELECT delivery_id, row_id FROM ops.outbox WHERE entity = %(entity)s
)
SELECT delivery_id AS id FROM touched t FULL JOIN told o USING (delivery_id, row_id)
WHERE t.row_id IS NULL OR o.row_id IS NULL
