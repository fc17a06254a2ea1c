-- Another row of the same file counted already, and says something else of the same days: as in one file
-- (see plan/mark_ambiguous_keys), nobody can tell which is right, and what counted stays.
UPDATE {stage} t SET disposition = 'quarantined', reason = 'ambiguous_key'
FROM (
    SELECT s.line FROM {stage} s JOIN {core} h ON h.partner = %(partner)s AND {s_is_h}
    WHERE s.disposition = 'consumed' AND h.delivery_id = ANY (%(same)s)
      AND s.effective_from < coalesce(h.effective_to, 'infinity')
      AND h.effective_from < greatest(coalesce(s.effective_to, 'infinity'), s.effective_from + 1)
      AND (s.{hash} <> h.content_hash OR s.effective_from <> h.effective_from
           OR s.effective_to IS DISTINCT FROM h.effective_to)
) otherwise
WHERE otherwise.line = t.line
