-- A member comes back after a gap, and nobody says to which coverage: a span that goes on can be found, a new one not.
UPDATE {stage} t SET disposition = 'quarantined', reason = 'reinstate.no_coverage'
FROM (
    SELECT s.line FROM {stage} s
    LEFT JOIN core.eligibility h ON h.partner = %(partner)s AND h.feed = %(feed)s AND {s_is_h_member}
        AND coalesce(h.effective_to, 'infinity') >= coalesce(s.effective_from, h.effective_to, 'infinity')
        AND (s.coverage_line IS NULL OR s.coverage_line = h.coverage_line)
    WHERE s.disposition = 'consumed' AND s.maintenance_action = 'reinstate'
      AND (s.coverage_line IS NULL OR s.effective_from IS NULL)
      AND h.row_id IS NULL
) unnamed
WHERE unnamed.line = t.line
