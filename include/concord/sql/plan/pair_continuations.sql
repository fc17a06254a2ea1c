-- A row behind the nearest earlier span continues it when the end was only inferred and the grace
-- has not passed, or when it touches the end and says the same as before.
INSERT INTO pair (line, row_id)
SELECT line, row_id FROM (
    SELECT DISTINCT ON (s.line) s.line, h.row_id, s.effective_from - h.effective_to AS gap,
           (h.end_kind = 'inferred' AND %(as_of)s <= h.effective_to + %(grace)s
                AND coalesce(s.effective_to, 'infinity') > %(as_of)s)
               OR (s.effective_from = h.effective_to AND cardinality({changed}) = 0) AS continues
    FROM residue rs JOIN {stage} s ON s.line = rs.line
    JOIN {core} h ON h.partner = %(partner)s AND {s_is_h} AND h.effective_to <= s.effective_from
    JOIN residue rh ON rh.row_id = h.row_id AND rh.line IS NULL
    LEFT JOIN pair taken_row ON taken_row.line = s.line
    LEFT JOIN pair taken_span ON taken_span.row_id = h.row_id
    WHERE rs.row_id IS NULL AND taken_row.line IS NULL AND taken_span.row_id IS NULL
      AND s.effective_to IS DISTINCT FROM s.effective_from AND s.maintenance_action IS DISTINCT FROM 'cancel'
    ORDER BY s.line, h.effective_to DESC
) nearest
WHERE continues ORDER BY gap, line
ON CONFLICT DO NOTHING
