-- For a replay: what a newer delivery wrote, deleted or stated unchanged since stays as that said. Where what is stated
-- unchanged is not written down (unsaid), a record without the time of its last update may have been stated again: what
-- is held then counts as the newer word.
UPDATE {stage} t SET disposition = 'ignored', reason = 'newer_truth'
WHERE t.disposition = 'consumed' AND t.entity = %(entity)s AND (
    EXISTS (SELECT FROM {core} h WHERE h.partner = %(partner)s AND h.resource_id = t.resource_id
        AND (h.delivery_id = ANY (%(newer)s) OR (%(unsaid)s AND t.last_updated IS NULL AND cardinality(%(newer)s::text[]) > 0)))
    OR EXISTS (SELECT FROM {history} h WHERE h.partner = %(partner)s AND h.resource_id = t.resource_id
        AND (h.delivery_id = ANY (%(newer)s) OR h.closed_by_delivery_id = ANY (%(newer)s)))
    OR EXISTS (SELECT FROM ops.stated_key k WHERE k.key = ARRAY[{t_key}] AND k.delivery_id = ANY (%(newer)s)))
