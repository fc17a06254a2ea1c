-- What is stated again with the same content: the first line counts.
WITH ranked AS (
    SELECT s.entity, s.resource_id, s.line,
           row_number() OVER (PARTITION BY s.entity, s.resource_id, s.deleted, s.content ORDER BY s.line) AS place
    FROM statement s
    WHERE EXISTS (SELECT FROM {stage} t WHERE (t.entity, t.resource_id, t.line) = (s.entity, s.resource_id, s.line)
        AND t.disposition = 'consumed')
)
UPDATE {stage} t SET disposition = 'duplicate', reason = 'duplicate'
FROM ranked r
WHERE (t.entity, t.resource_id, t.line) = (r.entity, r.resource_id, r.line) AND r.place > 1 AND t.disposition = 'consumed'
