-- Everything the plan would write and onto which spans, in an order of its own; a span keeps its row id
-- through its versions, and evidence is left out, so the same content computed again has the same digest.
SELECT encode(sha256(convert_to(coalesce(string_agg(
    encode(sha256(convert_to(ROW(entity, action, part, key, held_row_id, line, from_before, to_before, from_after,
        to_after, splits, inferred, changed, content_hash, reason)::text, 'UTF8')), 'hex'), ''
    ORDER BY entity, key, from_before, to_before, from_after, line, action), ''), 'UTF8')), 'hex') AS digest
FROM ops.plan_row WHERE plan_id = %(plan_id)s
