-- Materialized, so that a set of lines is unpacked once and not for every row that is looked up in it.
WITH consumed AS MATERIALIZED (
    SELECT delivery_id, range_agg(lines) AS lines FROM ops.line_account
    WHERE part = 0 AND disposition = 'consumed' GROUP BY delivery_id
)
SELECT v.row_id AS id FROM (
    SELECT row_id, delivery_id, line FROM {core} UNION ALL SELECT row_id, delivery_id, line FROM {history}) v
JOIN ops.delivery d USING (delivery_id) LEFT JOIN consumed c USING (delivery_id)
WHERE c.delivery_id IS NULL OR NOT c.lines @> v.line
