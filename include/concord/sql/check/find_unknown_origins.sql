SELECT v.row_id AS id FROM (
    SELECT row_id, delivery_id FROM {core}
    UNION ALL
    SELECT row_id, delivery_id FROM {history}
    UNION ALL
    SELECT row_id, closed_by_delivery_id FROM {history}
) v LEFT JOIN ops.delivery d USING (delivery_id)
WHERE d.delivery_id IS NULL
