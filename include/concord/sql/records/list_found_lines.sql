SELECT line, max(lines) AS lines, min(reason) AS reason FROM {stage}
WHERE disposition = 'quarantined' AND NOT refused GROUP BY line ORDER BY line
