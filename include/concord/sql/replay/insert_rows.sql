-- The header takes the lines before the first row.
INSERT INTO ops.replay_row (delivery_id, line, line_count, quarantine_id)
SELECT %(delivery_id)s, %(first_line)s + sum(lines) OVER (ORDER BY place) - lines, lines, quarantine_id
FROM unnest(%(quarantine_ids)s::bigint[], %(line_counts)s::integer[]) WITH ORDINALITY AS r(quarantine_id, lines, place)
