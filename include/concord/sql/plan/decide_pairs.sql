-- The action table (reconcile §4) for a row and the span it speaks of. Dates decide before content.
INSERT INTO ops.plan_row (plan_id, entity, action, part, key, scope, held_row_id, line, from_before, to_before,
                          from_after, to_after, splits, inferred, retro, changed, content_hash, reason)
SELECT %(plan_id)s, %(entity)s, d.action,
       CASE WHEN d.action IN ('end', 'void') OR (NOT d.splits AND d.from_after > h.effective_from)
                 OR coalesce(d.to_after, 'infinity') < coalesce(h.effective_to, 'infinity') THEN 'loss' ELSE 'grant' END,
       ARRAY[{s_key}], ARRAY[{h_scope}], h.row_id, s.line, h.effective_from, h.effective_to,
       d.from_after, d.to_after, d.splits, false,
       -- What reaches further back than the parties agreed on is looked at by a person.
       CASE WHEN d.action = 'void' THEN h.effective_from < %(retro_bound)s
            WHEN d.action = 'correct_start' THEN least(d.from_after, h.effective_from) < %(retro_bound)s
            WHEN d.action IN ('end', 'correct_end') THEN least(d.to_after, h.effective_to) < %(retro_bound)s
            ELSE false END,
       f.changed, s.{hash}, NULL
FROM pair JOIN {stage} s USING (line) JOIN {core} h USING (row_id)
CROSS JOIN LATERAL (
    SELECT {changed} AS changed,
           s.effective_to = s.effective_from OR s.maintenance_action IS NOT DISTINCT FROM 'cancel' AS is_void,
           s.effective_from = h.effective_from AS same_start,
           coalesce(h.effective_to <= %(as_of)s, false) AS ended,
           {s_end} AS end_stated, coalesce({s_end}, 'infinity') > %(as_of)s AS goes_on
) f
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN f.is_void AND f.same_start THEN 'void'
        WHEN f.is_void THEN CASE WHEN h.effective_to IS NULL THEN 'end' ELSE 'correct_end' END
        WHEN h.end_kind = 'inferred' AND f.goes_on AND f.end_stated IS DISTINCT FROM h.effective_to
             AND %(as_of)s <= h.effective_to + %(grace)s THEN 'reinstate'
        WHEN s.effective_from = h.effective_to THEN 'reinstate'
        WHEN NOT f.same_start AND cardinality(f.changed) > 0 AND s.effective_from > h.effective_from
             AND h.effective_from <= %(as_of)s THEN 'change'
        WHEN NOT f.same_start AND f.ended AND f.goes_on THEN 'reinstate'
        WHEN NOT f.same_start THEN 'correct_start'
        WHEN f.end_stated IS NOT DISTINCT FROM h.effective_to AND h.end_kind IS DISTINCT FROM 'inferred'
            THEN CASE WHEN cardinality(f.changed) = 0 THEN 'unchanged' ELSE 'change' END
        WHEN h.effective_to IS NULL THEN 'end'
        WHEN f.ended AND f.goes_on THEN 'reinstate'
        ELSE 'correct_end'
    END AS action
) a
CROSS JOIN LATERAL (
    SELECT a.action,
           a.action = 'change' AND NOT f.same_start AS splits,
           CASE WHEN a.action = 'void' THEN NULL
                WHEN f.is_void THEN h.effective_from
                WHEN a.action = 'reinstate' AND (h.end_kind = 'inferred' AND %(as_of)s <= h.effective_to + %(grace)s
                     OR s.effective_from = h.effective_to) THEN least(h.effective_from, s.effective_from)
                ELSE s.effective_from END AS from_after,
           CASE WHEN a.action = 'void' THEN NULL WHEN f.is_void THEN s.effective_from ELSE f.end_stated END AS to_after
) d
WHERE d.action <> 'unchanged'
