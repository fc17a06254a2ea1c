-- As sets per delivery; rows are looked up only for lines that no account has as consumed.
WITH version AS (
    SELECT row_id, delivery_id, line FROM {core}
    UNION ALL
    SELECT row_id, delivery_id, line FROM {history}
), named AS (
    SELECT delivery_id, range_agg(int8range(line, line, '[]')) AS lines FROM version GROUP BY delivery_id
), stray AS (
    SELECT n.delivery_id, unnest(n.lines - coalesce(a.lines, int8multirange())) AS lines
    FROM named n JOIN ops.delivery d USING (delivery_id)
    LEFT JOIN ops.line_account a ON a.delivery_id = n.delivery_id AND a.part = 0 AND a.disposition = 'consumed'
)
SELECT v.row_id AS id FROM version v JOIN stray s ON s.delivery_id = v.delivery_id AND s.lines @> v.line
