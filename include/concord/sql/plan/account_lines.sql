INSERT INTO ops.line_account (delivery_id, part, disposition, reason, lines, line_total)
SELECT %(delivery_id)s, 0, disposition, CASE WHEN disposition = 'ignored' THEN coalesce(reason, '') ELSE '' END,
       range_agg(int8range(line, line + lines)), sum(lines)
FROM {stage} GROUP BY 3, 4
