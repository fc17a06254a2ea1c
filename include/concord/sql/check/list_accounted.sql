-- Deliveries whose plan has accounted for every line: those it decided about, and those whose newest
-- staging was planned. A staging without a plan yet (a lost cache, a new attempt) has begun its accounts anew.
SELECT d.delivery_id, d.line_count FROM ops.delivery d
WHERE d.state IN ('applied', 'published', 'reverted', 'compared') OR EXISTS (
    SELECT FROM ops.plan p WHERE p.finished_at IS NOT NULL AND p.stage_no = (
        SELECT max(s.stage_no) FROM ops.stage_attempt s
        WHERE s.delivery_id = d.delivery_id AND s.finished_at IS NOT NULL))
