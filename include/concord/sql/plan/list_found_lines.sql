SELECT line, lines, reason FROM {stage} WHERE disposition = 'quarantined' AND NOT refused ORDER BY line
