SELECT partner, reason, count(*) AS rows, min(opened_at) AS oldest FROM core.link_review
WHERE state = 'open' GROUP BY partner, reason ORDER BY partner, reason
