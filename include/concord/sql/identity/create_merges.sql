-- A patient that was merged follows to the last survivor that is here; who is merged in a ring follows nobody.
CREATE TEMP TABLE link_merge ON COMMIT DROP AS
WITH RECURSIVE step AS (
    SELECT p.row_id, s.row_id AS survivor_id FROM core.patient p
    JOIN core.patient s ON s.partner = p.partner AND p.replaced_by_reference = 'Patient/' || s.resource_id
    WHERE s.row_id <> p.row_id
), chain AS (
    SELECT row_id, survivor_id, ARRAY[row_id, survivor_id] AS seen, false AS is_ring FROM step
    UNION ALL
    SELECT c.row_id, s.survivor_id, c.seen || s.survivor_id, s.survivor_id = ANY (c.seen)
    FROM chain c JOIN step s ON s.row_id = c.survivor_id WHERE NOT c.is_ring
)
SELECT DISTINCT ON (row_id) row_id, survivor_id FROM chain c
WHERE NOT EXISTS (SELECT FROM chain r WHERE r.row_id = c.row_id AND r.is_ring)
ORDER BY row_id, cardinality(seen) DESC
