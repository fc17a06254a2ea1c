-- What is kept in quarantine is what is accounted as quarantined, line by line.
WITH accounted AS (
{accounted}
), kept AS (
    SELECT delivery_id, range_agg(int8range(line, line + line_count)) AS lines
    FROM ops.quarantine WHERE part = 0 GROUP BY delivery_id
), account AS (
    SELECT delivery_id, range_agg(lines) AS lines FROM ops.line_account
    WHERE part = 0 AND disposition = 'quarantined' GROUP BY delivery_id
)
SELECT a.delivery_id AS id FROM accounted a
LEFT JOIN kept k USING (delivery_id) LEFT JOIN account l USING (delivery_id)
WHERE coalesce(k.lines, int8multirange()) <> coalesce(l.lines, int8multirange())
