-- A change file can only end or change what is there.
UPDATE {stage} t SET disposition = 'quarantined', reason = 'unknown_member'
FROM (
    SELECT s.line FROM {stage} s LEFT JOIN {core} h ON h.partner = %(partner)s AND {s_is_h}
    WHERE s.disposition = 'consumed' AND s.coverage_line IS NOT NULL AND coalesce(s.maintenance_action, 'change') IN ('end', 'change', 'cancel', 'audit')
      AND h.row_id IS NULL
) unknown
WHERE unknown.line = t.line
