-- What would become of each row of a replay under its newest plan; moot goes first, whether it can be read or not.
-- A record of several lines may break into several: its range is spread out, so that lines are joined by equality.
WITH newest AS (
    SELECT max(plan_id) AS plan_id FROM ops.plan WHERE delivery_id = %(delivery_id)s AND finished_at IS NOT NULL
), moot AS (
    SELECT DISTINCT p.line FROM ops.plan_row p JOIN newest USING (plan_id)
    WHERE p.reason = 'newer_truth' AND p.action = 'ignored'
), fate AS (
    SELECT r.reasons, count(moot.line) > 0 AS is_moot
    FROM ops.replay_row r CROSS JOIN generate_series(r.line, r.line + r.line_count - 1) AS own(line)
    LEFT JOIN moot ON moot.line = own.line
    WHERE r.delivery_id = %(delivery_id)s GROUP BY r.delivery_id, r.line
)
SELECT count(*) FILTER (WHERE NOT is_moot AND reasons IS NULL) AS replayed,
       count(*) FILTER (WHERE NOT is_moot AND reasons IS NOT NULL) AS refused,
       count(*) FILTER (WHERE is_moot) AS newer_truth
FROM fate
