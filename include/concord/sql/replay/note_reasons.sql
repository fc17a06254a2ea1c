-- A record of several lines may break into several: they are one row with all their reasons.
UPDATE ops.replay_row
SET found_by = %(found_by)s,
    reasons = (SELECT array_agg(DISTINCT code) FROM unnest(coalesce(reasons, ARRAY[]::text[]) || %(reasons)s::text[]) code)
WHERE delivery_id = %(delivery_id)s
  AND line = (SELECT max(line) FROM ops.replay_row WHERE delivery_id = %(delivery_id)s AND line <= %(line)s)
