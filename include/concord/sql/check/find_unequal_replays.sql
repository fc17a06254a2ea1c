-- Every row that an applied replay took up has an outcome, and its lines are accounted as that outcome says.
-- A refused record of several lines may have a blank one among them, which is no record.
WITH account AS (
    SELECT delivery_id,
           CASE WHEN disposition = 'quarantined' THEN 'refused'
                WHEN disposition = 'ignored' AND reason = 'newer_truth' THEN 'newer_truth'
                WHEN disposition = 'ignored' AND reason = 'blank_line' THEN 'blank' ELSE 'replayed' END AS outcome,
           range_agg(lines) AS lines
    FROM ops.line_account WHERE part = 0 AND disposition <> 'control' GROUP BY 1, 2
), told AS (
    SELECT delivery_id, outcome, range_agg(int8range(line, line + line_count)) AS lines FROM ops.replay_row GROUP BY 1, 2
)
SELECT delivery_id AS id
FROM told t FULL JOIN (SELECT * FROM account WHERE outcome <> 'blank') a USING (delivery_id, outcome)
JOIN ops.delivery d USING (delivery_id)
LEFT JOIN (SELECT * FROM account WHERE outcome = 'blank') b USING (delivery_id)
WHERE d.kind = 'replay' AND d.known_at IS NOT NULL
  AND NOT coalesce(t.lines - coalesce(b.lines, int8multirange()) = a.lines, false)
