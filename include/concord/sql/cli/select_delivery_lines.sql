SELECT disposition, reason, line_total AS lines
FROM ops.line_account WHERE delivery_id = %(delivery_id)s
ORDER BY disposition, line_total DESC, reason
