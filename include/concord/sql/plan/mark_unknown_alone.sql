-- A member without coverage in a change file has to be there already, or be added by another row of the file.
UPDATE {stage} t SET disposition = 'quarantined', reason = 'unknown_member'
FROM (
    SELECT s.line FROM {stage} s
    LEFT JOIN core.member m ON m.partner = %(partner)s AND {s_is_known}
    LEFT JOIN {stage} o ON {s_is_other} AND o.disposition = 'consumed' AND o.maintenance_action = 'add'
    WHERE s.disposition = 'consumed' AND s.coverage_line IS NULL
      AND coalesce(s.maintenance_action, 'change') <> 'add' AND m.row_id IS NULL AND o.line IS NULL
) unknown
WHERE unknown.line = t.line
