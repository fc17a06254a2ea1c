-- Keys whose spans would overlap once this plan is applied.
CREATE TEMP TABLE overlapping ON COMMIT DROP AS
WITH touched AS (
    SELECT DISTINCT key FROM ops.plan_row
    WHERE plan_id = %(plan_id)s AND entity = %(entity)s AND action NOT IN ('keep', 'ignored', 'pending_end')
), spans AS (
    SELECT t.key, h.effective_from AS span_from, CASE WHEN p.splits THEN p.from_after ELSE h.effective_to END AS span_to
    FROM touched t JOIN {core} h ON h.partner = %(partner)s AND ARRAY[{h_key}] = t.key
    LEFT JOIN ops.plan_row p ON p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.held_row_id = h.row_id
        AND p.action NOT IN ('keep', 'pending_end')
    WHERE p.plan_row_id IS NULL OR p.splits
    UNION ALL
    SELECT key, from_after, to_after FROM ops.plan_row
    WHERE plan_id = %(plan_id)s AND entity = %(entity)s AND from_after IS NOT NULL AND action <> 'ignored'
), ordered AS (
    SELECT key, span_from, max(coalesce(span_to, 'infinity')) OVER (
        PARTITION BY key ORDER BY span_from, span_to ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered_until
    FROM spans
)
SELECT DISTINCT key FROM ordered WHERE span_from < covered_until
