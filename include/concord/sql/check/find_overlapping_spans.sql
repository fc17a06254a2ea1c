-- In one pass: a span that begins before everything earlier of its key has ended.
SELECT row_id AS id FROM (
    SELECT row_id, effective_from < max(coalesce(effective_to, 'infinity')) OVER (
        PARTITION BY partner, {key} ORDER BY effective_from, row_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_overlap
    FROM {core}
) o WHERE is_overlap
