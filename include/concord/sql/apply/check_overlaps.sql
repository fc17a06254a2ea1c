SELECT count(*) AS overlaps FROM (
    SELECT c.effective_from < max(coalesce(c.effective_to, 'infinity')) OVER (
        PARTITION BY {c_key} ORDER BY c.effective_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS is_overlap
    FROM {core} c
    WHERE c.partner = %(partner)s AND ({c_key}) IN (SELECT {key} FROM written_eligibility)
) o WHERE is_overlap
