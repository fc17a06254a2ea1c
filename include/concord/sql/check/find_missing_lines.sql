WITH accounted AS (
{accounted}
), account AS (
    SELECT delivery_id, range_agg(lines) AS lines FROM ops.line_account WHERE part = 0 GROUP BY delivery_id
)
SELECT a.delivery_id AS id FROM accounted a LEFT JOIN account l USING (delivery_id)
WHERE a.line_count IS NULL
   OR NOT coalesce(l.lines, int8multirange()) @> int8range(1, greatest(a.line_count, 0) + 1)
