-- Pairwise disjoint: the union is as large as its parts together.
WITH account AS (
    SELECT delivery_id, part, range_agg(lines) AS lines,
           sum((SELECT sum(upper(piece) - lower(piece)) FROM unnest(lines) AS piece)) AS parts
    FROM ops.line_account GROUP BY delivery_id, part
)
SELECT delivery_id AS id FROM account
WHERE parts <> (SELECT sum(upper(piece) - lower(piece)) FROM unnest(lines) AS piece)
