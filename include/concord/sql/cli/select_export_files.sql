-- What the server says of each file, what has landed of it, and what its lines became.
WITH file AS (
    SELECT *, int8multirange(int8range(first_line, first_line + line_count)) AS place
    FROM ops.export_file WHERE delivery_id = %(delivery_id)s
), said AS (
    SELECT f.part, a.disposition, sum(upper(piece) - lower(piece))::bigint AS lines
    FROM file f
    JOIN ops.line_account a ON a.delivery_id = f.delivery_id AND a.lines && f.place
    CROSS JOIN LATERAL unnest(a.lines * f.place) AS piece
    GROUP BY f.part, a.disposition
), spread AS (
    SELECT part, sum(lines) FILTER (WHERE disposition = 'consumed') AS consumed,
           sum(lines) FILTER (WHERE disposition = 'quarantined') AS quarantined,
           sum(lines) FILTER (WHERE disposition = 'duplicate') AS duplicate,
           sum(lines) FILTER (WHERE disposition = 'ignored') AS ignored,
           sum(lines) FILTER (WHERE disposition = 'control') AS control
    FROM said GROUP BY part
)
SELECT f.part, f.kind, f.resource_type, f.declared_count AS declared, f.resource_count AS landed, f.line_count AS lines,
       coalesce(s.consumed, 0)::bigint AS consumed, coalesce(s.quarantined, 0)::bigint AS quarantined,
       coalesce(s.duplicate, 0)::bigint AS duplicate, coalesce(s.ignored, 0)::bigint AS ignored,
       coalesce(s.control, 0)::bigint AS control, f.byte_count AS bytes, f.first_line
FROM file f LEFT JOIN spread s USING (part)
ORDER BY f.part
