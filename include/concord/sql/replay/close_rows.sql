-- In the transaction of the apply: what counted is closed, what is moot is closed, what was refused again stays.
-- Ranges of lines are spread out, so that they are joined by equality (see count_fates).
WITH fate AS (
    SELECT r.quarantine_id, r.found_by, r.reasons,
           CASE WHEN bool_or(s.disposition = 'quarantined') THEN 'refused'
                WHEN bool_and(s.disposition = 'ignored' AND s.reason = 'newer_truth') THEN 'newer_truth'
                ELSE 'replayed' END AS outcome
    FROM ops.replay_row r CROSS JOIN generate_series(r.line, r.line + r.line_count - 1) AS own(line)
    JOIN {stage} s ON s.line = own.line
    WHERE r.delivery_id = %(delivery_id)s AND r.outcome IS NULL
    GROUP BY r.quarantine_id, r.found_by, r.reasons
), told AS (
    UPDATE ops.replay_row r SET outcome = f.outcome FROM fate f
    WHERE r.delivery_id = %(delivery_id)s AND r.quarantine_id = f.quarantine_id
    RETURNING r.quarantine_id
), closed AS (
    UPDATE ops.quarantine q
    SET state = CASE f.outcome WHEN 'replayed' THEN 'replayed' WHEN 'newer_truth' THEN 'waived'
                     ELSE CASE WHEN q.attempts + 1 >= %(most)s THEN 'poison' ELSE 'open' END END,
        attempts = q.attempts + (f.outcome <> 'newer_truth')::integer,
        reasons = CASE WHEN f.outcome = 'refused' THEN coalesce(f.reasons, q.reasons) ELSE q.reasons END,
        found_by = CASE WHEN f.outcome = 'refused' THEN coalesce(f.found_by, q.found_by) ELSE q.found_by END,
        closed_at = CASE WHEN f.outcome <> 'refused' THEN %(known_at)s::timestamptz END,
        closed_by = CASE WHEN f.outcome <> 'refused' THEN %(delivery_id)s END,
        closed_reason = CASE f.outcome WHEN 'replayed' THEN 'replay' WHEN 'newer_truth' THEN 'newer_truth' END
    FROM fate f WHERE q.quarantine_id = f.quarantine_id AND q.state IN ('open', 'poison')
    RETURNING f.outcome
)
SELECT count(*) FILTER (WHERE outcome = 'replayed') AS replayed, count(*) FILTER (WHERE outcome = 'refused') AS refused,
       count(*) FILTER (WHERE outcome = 'newer_truth') AS newer_truth, count(*) AS closed,
       (SELECT count(*) FROM ops.replay_row WHERE delivery_id = %(delivery_id)s) AS taken_up
FROM closed
