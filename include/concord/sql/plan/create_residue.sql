-- Everything that is not plainly unchanged: an incoming row and a held span of the same key and
-- start (both), a row without such a span (row_id null), a span without such a row (line null).
CREATE TEMP TABLE residue ON COMMIT DROP AS
SELECT s.line, h.row_id
FROM (SELECT * FROM {stage} WHERE disposition = 'consumed') s
FULL JOIN (SELECT * FROM {core} WHERE partner = %(partner)s) h
    ON {s_is_h} AND s.effective_from = h.effective_from
WHERE s.line IS NULL OR h.row_id IS NULL
   OR s.{hash} <> h.content_hash OR s.effective_to IS DISTINCT FROM h.effective_to OR h.end_kind = 'inferred'
   OR s.maintenance_action = 'cancel'
