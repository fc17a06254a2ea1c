SELECT delivery_id AS id FROM ops.line_account
WHERE line_total <> (SELECT coalesce(sum(upper(piece) - lower(piece)), 0) FROM unnest(lines) AS piece)
