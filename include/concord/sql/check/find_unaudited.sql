SELECT what || ':' || id AS id FROM ops.find_unaudited()
UNION ALL
SELECT 'legal_hold:' || h.legal_hold_id FROM ops.legal_hold h
WHERE ops.count_audited('legal_hold', h.legal_hold_id::text) <> 1
   OR ops.count_audited('legal_release', h.legal_hold_id::text) <> num_nonnulls(h.released_at)
UNION ALL
SELECT 'shred:' || d.delivery_id FROM ops.delivery d
WHERE d.shredded_at IS NOT NULL AND ops.count_audited('shred', d.delivery_id) = 0
