-- A change file can only end or change what is there; an end has to say when.
UPDATE {stage} t SET disposition = 'quarantined',
    reason = CASE WHEN t.maintenance_action = 'end' AND t.effective_to IS NULL THEN 'end.no_date' ELSE 'unknown_member' END
WHERE t.disposition = 'consumed' AND (
    (t.maintenance_action = 'end' AND t.effective_to IS NULL)
    OR (coalesce(t.maintenance_action, 'change') IN ('end', 'change', 'cancel') AND NOT EXISTS (
        SELECT FROM {core} h WHERE h.partner = %(partner)s AND {h_is_t})))
