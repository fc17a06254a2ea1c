-- Only keys of several spans are put in order: a span overlaps that begins before everything earlier has ended.
WITH several AS (
    SELECT partner, {key} FROM {core} GROUP BY partner, {key} HAVING count(*) > 1
)
SELECT row_id AS id FROM (
    SELECT row_id, effective_from < max(coalesce(effective_to, 'infinity')) OVER (
        PARTITION BY partner, {key} ORDER BY effective_from, row_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_overlap
    FROM {core} JOIN several USING (partner, {key})
) o WHERE is_overlap
