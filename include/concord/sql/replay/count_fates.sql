-- What would become of each row of a replay under its newest plan; moot goes first, whether it can be read or not.
WITH newest AS (
    SELECT max(plan_id) AS plan_id FROM ops.plan WHERE delivery_id = %(delivery_id)s AND finished_at IS NOT NULL
), fate AS (
    SELECT r.reasons, EXISTS (
        SELECT FROM ops.plan_row p JOIN newest USING (plan_id)
        WHERE p.line >= r.line AND p.line < r.line + r.line_count AND p.reason = 'newer_truth' AND p.action = 'ignored'
    ) AS is_moot
    FROM ops.replay_row r WHERE r.delivery_id = %(delivery_id)s
)
SELECT count(*) FILTER (WHERE NOT is_moot AND reasons IS NULL) AS replayed,
       count(*) FILTER (WHERE NOT is_moot AND reasons IS NOT NULL) AS refused,
       count(*) FILTER (WHERE is_moot) AS newer_truth
FROM fate
