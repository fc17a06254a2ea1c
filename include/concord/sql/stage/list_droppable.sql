-- A staging that is still being written is younger than an hour; one that a killed task left is older.
SELECT a.delivery_id, a.stage_no
FROM ops.stage_attempt a JOIN ops.delivery d USING (delivery_id)
WHERE a.dropped_at IS NULL AND (
    (d.delivery_id <> ALL (%(keep)s) AND EXISTS (
        SELECT FROM ops.state s WHERE s.state = d.state AND (s.is_end OR s.state = 'applied')))
    OR EXISTS (SELECT FROM ops.stage_attempt n WHERE n.delivery_id = a.delivery_id
               AND n.stage_no > a.stage_no AND n.finished_at IS NOT NULL)
    OR (a.finished_at IS NULL AND a.started_at < clock_timestamp() - interval '1 hour'))
