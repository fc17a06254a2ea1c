-- A record of several lines may break into several: they are one row with all their reasons.
UPDATE ops.replay_row
SET found_by = %(found_by)s,
    reasons = (SELECT array_agg(DISTINCT code) FROM unnest(coalesce(reasons, ARRAY[]::text[]) || %(reasons)s::text[]) code)
WHERE delivery_id = %(delivery_id)s AND %(line)s >= line AND %(line)s < line + line_count
