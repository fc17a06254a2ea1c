-- What the guards look at, per scope; the row with a null scope is the feed.
WITH standing AS (
    SELECT h.*, ARRAY[{h_scope}] AS scope FROM {core} h
    WHERE h.partner = %(partner)s AND h.feed = %(feed)s AND coalesce(h.effective_to, 'infinity') > %(as_of)s
      AND (h.group_id, h.coverage_line) IN (SELECT group_id, coverage_line FROM scope)
), plan AS (
    SELECT * FROM ops.plan_row WHERE plan_id = %(plan_id)s AND entity = %(entity)s
), figures AS (
    SELECT scope, count(*) AS standing, 0 AS losses, 0 AS grants, 0 AS rows_in FROM standing GROUP BY scope
    UNION ALL
    SELECT scope, 0, count(*) FILTER (WHERE part = 'loss'), count(*) FILTER (WHERE action IN ('add', 'reinstate')), 0
    FROM plan GROUP BY scope
    UNION ALL
    SELECT ARRAY[{s_scope}], 0, 0, 0, count(*) FROM {stage} s
    WHERE s.group_id IS NOT NULL AND s.coverage_line IS NOT NULL GROUP BY 1
)
SELECT scope, sum(standing)::bigint AS standing, sum(losses)::bigint AS losses, sum(grants)::bigint AS grants,
       sum(rows_in)::bigint AS rows_in,
       (scope[1], scope[2]) IN (SELECT group_id, coverage_line FROM scope) AS is_known
FROM figures f WHERE scope IS NOT NULL GROUP BY scope ORDER BY scope
