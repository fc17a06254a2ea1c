SELECT count(DISTINCT line) AS lines_read, count(DISTINCT line) FILTER (WHERE disposition = 'quarantined') AS rejected,
       count(DISTINCT line) FILTER (WHERE disposition IN ('consumed', 'duplicate')) AS usable
FROM {stage}
