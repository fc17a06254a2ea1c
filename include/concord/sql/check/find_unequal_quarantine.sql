-- What is kept in quarantine is what is accounted as quarantined, line by line; of a replay, what it refused again.
WITH accounted AS (
{accounted}
), kept AS (
    SELECT delivery_id, range_agg(int8range(line, line + line_count)) AS lines FROM (
        SELECT delivery_id, line, line_count FROM ops.quarantine WHERE part = 0
        UNION ALL
        SELECT delivery_id, line, line_count FROM ops.replay_row WHERE outcome = 'refused') k
    GROUP BY delivery_id
), account AS (
    SELECT delivery_id, range_agg(lines) AS lines FROM ops.line_account
    WHERE part = 0 AND disposition = 'quarantined' GROUP BY delivery_id
)
SELECT a.delivery_id AS id FROM accounted a JOIN ops.delivery d USING (delivery_id)
LEFT JOIN kept k USING (delivery_id) LEFT JOIN account l USING (delivery_id)
WHERE (d.kind = 'delivery' OR d.known_at IS NOT NULL)
  AND coalesce(k.lines, int8multirange()) <> coalesce(l.lines, int8multirange())
