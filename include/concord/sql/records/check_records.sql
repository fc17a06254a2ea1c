-- Every record that was stated is in the plan once, or unchanged.
WITH plan AS (
    SELECT held_row_id, key, action FROM ops.plan_row WHERE plan_id = %(plan_id)s AND entity = %(entity)s
), stated AS (
    SELECT * FROM {stage} WHERE disposition = 'consumed' AND entity = %(entity)s AND NOT deleted
)
SELECT count(s.*) AS incoming,
       count(s.*) FILTER (WHERE p.key IS NULL AND h.row_id IS NOT NULL
           AND (s.content_hash = h.content_hash OR cardinality({changed}) = 0)) AS unchanged,
       count(s.*) FILTER (WHERE p.key IS NULL AND (h.row_id IS NULL
           OR (s.content_hash <> h.content_hash AND cardinality({changed}) > 0))) AS rows_undecided,
       (SELECT count(*) - count(DISTINCT key) FROM plan) AS rows_twice,
       (SELECT count(*) FROM {core} WHERE partner = %(partner)s) AS held
FROM stated s LEFT JOIN {core} h ON h.partner = %(partner)s AND {s_is_h}
LEFT JOIN plan p ON p.key = ARRAY[{s_key}]
