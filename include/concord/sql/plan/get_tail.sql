-- How many rows at the very end of the previous full file are lost now, without a survivor between.
WITH lost AS MATERIALIZED (
    SELECT DISTINCT (evidence ->> 'last_seen_line')::bigint AS line FROM ops.plan_row
    WHERE plan_id = %(plan_id)s AND inferred AND part = 'loss' AND evidence ->> 'last_seen_delivery' = %(seen_delivery_id)s
), last_survivor AS (
    SELECT coalesce(max(p.line), 0) AS line FROM {previous} p LEFT JOIN lost USING (line)
    WHERE NOT p.refused AND p.disposition = 'consumed' AND lost.line IS NULL
)
SELECT count(*) AS tail_losses FROM lost WHERE line > (SELECT line FROM last_survivor)
