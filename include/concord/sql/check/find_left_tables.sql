-- What a newer staging replaced, or a killed task left, is dropped at the next settling or by the reconciler.
SELECT 'd_' || a.delivery_id || '_' || a.stage_no AS id FROM ops.stage_attempt a
WHERE a.dropped_at IS NULL AND a.started_at < clock_timestamp() - interval '6 hours'
  AND (a.finished_at IS NULL OR EXISTS (
      SELECT FROM ops.stage_attempt n
      WHERE n.delivery_id = a.delivery_id AND n.stage_no > a.stage_no
        AND n.finished_at < clock_timestamp() - interval '6 hours'))
