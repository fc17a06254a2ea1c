-- Where the members that are missing now were last seen: in the latest applied full delivery.
CREATE TEMP TABLE seen ON COMMIT DROP AS
SELECT {p_key}, max(p.line) AS line
FROM {previous} p JOIN {core} h ON {p_is_h} AND h.partner = %(partner)s
JOIN residue r ON r.row_id = h.row_id AND r.line IS NULL
WHERE NOT p.refused GROUP BY {p_key}
