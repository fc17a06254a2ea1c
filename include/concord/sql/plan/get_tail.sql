-- How many keys at the very end of the previous full file are lost now, with no line behind them that is here again.
WITH lost AS MATERIALIZED (
    SELECT DISTINCT (evidence ->> 'last_seen_line')::bigint AS line FROM ops.plan_row
    WHERE plan_id = %(plan_id)s AND inferred AND part = 'loss' AND evidence ->> 'last_seen_delivery' = %(seen_delivery_id)s
), last_shown AS (
    SELECT coalesce(max(p.line), 0) AS line FROM {previous} p
    WHERE NOT p.refused AND p.line >= (SELECT min(line) FROM lost) AND EXISTS (SELECT FROM {stage} s WHERE {s_is_p})
)
SELECT count(*) AS tail_losses FROM lost WHERE line > (SELECT line FROM last_shown)
