-- A line is one statement, or the deletions of a bundle: refused if any of it is, else used if any of it is.
WITH line AS (
    SELECT line, sum(lines) AS lines,
           CASE WHEN bool_or(disposition = 'quarantined') THEN 'quarantined' WHEN bool_or(disposition = 'consumed') THEN 'consumed'
                WHEN bool_or(disposition = 'duplicate') THEN 'duplicate' ELSE 'ignored' END AS disposition,
           min(reason) FILTER (WHERE disposition = 'ignored') AS reason
    FROM {stage} GROUP BY line
)
INSERT INTO ops.line_account (delivery_id, part, disposition, reason, lines, line_total)
SELECT %(delivery_id)s, 0, disposition, CASE WHEN disposition = 'ignored' THEN coalesce(reason, '') ELSE '' END,
       range_agg(int8range(line, line + lines)), sum(lines)
FROM line GROUP BY 3, 4
