-- Where the lines of each file begin, now that all of them are one object.
WITH placed AS (
    SELECT part, 1 + coalesce(sum(line_count) OVER (ORDER BY part ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS first_line
    FROM ops.export_file WHERE delivery_id = %(delivery_id)s
)
UPDATE ops.export_file f SET first_line = p.first_line FROM placed p
WHERE f.delivery_id = %(delivery_id)s AND f.part = p.part
