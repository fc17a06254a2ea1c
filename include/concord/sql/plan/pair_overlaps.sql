-- The longest overlap first; a void row belongs to the span its date lies in, and of two the earlier one counts.
INSERT INTO pair (line, row_id)
SELECT s.line, h.row_id
FROM residue rs JOIN {stage} s ON s.line = rs.line
JOIN {core} h ON h.partner = %(partner)s AND {s_is_h}
JOIN residue rh ON rh.row_id = h.row_id AND rh.line IS NULL
WHERE rs.row_id IS NULL AND (
    ((s.effective_to = s.effective_from OR s.maintenance_action = 'cancel')
        AND s.effective_from >= h.effective_from AND s.effective_from < coalesce(h.effective_to, 'infinity'))
    OR (s.effective_to IS DISTINCT FROM s.effective_from AND s.maintenance_action IS DISTINCT FROM 'cancel'
        AND s.effective_from < coalesce(h.effective_to, 'infinity')
        AND h.effective_from < coalesce(s.effective_to, 'infinity')))
ORDER BY CASE WHEN s.effective_to = s.effective_from OR s.maintenance_action = 'cancel' THEN 0
         ELSE least(coalesce(s.effective_to, '9999-12-31'), coalesce(h.effective_to, '9999-12-31'))
              - greatest(s.effective_from, h.effective_from) END DESC,
         h.effective_from, s.effective_from, s.line
ON CONFLICT DO NOTHING
