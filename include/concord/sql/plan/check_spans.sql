-- As sets: every stated span and every held span in scope has exactly one decision. What no plan row
-- names must be equal on both sides (unchanged), or held with an end that is known already.
WITH plan AS (
    SELECT line, held_row_id FROM ops.plan_row WHERE plan_id = %(plan_id)s AND entity = %(entity)s
), stated AS (
    SELECT * FROM {stage} WHERE disposition IN ('consumed', 'ignored')
), unplanned AS (
    SELECT s.line AS line, h.row_id AS row_id,
           s.line IS NOT NULL AND h.row_id IS NOT NULL AND {s_end} IS NOT DISTINCT FROM h.effective_to
               AND (s.{hash} = h.content_hash OR cardinality({changed}) = 0) AS is_equal,
           h.effective_to IS NOT NULL AND h.effective_from <= %(as_of)s AS is_end_known, h.feed = %(feed)s AND (h.group_id, h.coverage_line) IN
               (SELECT group_id, coverage_line FROM scope) AS is_in_scope
    FROM (SELECT t.* FROM stated t LEFT JOIN plan p ON p.line = t.line WHERE p.line IS NULL) s
    FULL JOIN (SELECT c.* FROM {core} c LEFT JOIN plan p ON p.held_row_id = c.row_id
               WHERE c.partner = %(partner)s AND p.held_row_id IS NULL) h
        ON {s_is_h} AND s.effective_from = h.effective_from
)
SELECT count(*) FILTER (WHERE is_equal) AS unchanged,
       count(*) FILTER (WHERE line IS NULL AND is_in_scope AND is_end_known) AS end_known,
       count(*) FILTER (WHERE line IS NOT NULL AND NOT is_equal) AS rows_undecided,
       count(*) FILTER (WHERE line IS NULL AND is_in_scope AND NOT is_end_known AND %(is_full)s) AS spans_undecided,
       (SELECT count(*) - count(DISTINCT line) FROM plan WHERE line IS NOT NULL) AS rows_twice,
       (SELECT count(*) - count(DISTINCT held_row_id) FROM plan WHERE held_row_id IS NOT NULL) AS spans_twice
FROM unplanned
