-- Stage tables that are still there and hold SSNs.
SELECT a.delivery_id, a.stage_no, d.partner
FROM ops.stage_attempt a JOIN ops.delivery d USING (delivery_id)
WHERE a.dropped_at IS NULL AND EXISTS (
    SELECT FROM pg_catalog.pg_attribute t
    WHERE t.attrelid = to_regclass('stage.d_' || a.delivery_id || '_' || a.stage_no) AND t.attname = 'ssn_sealed')
ORDER BY a.stage_no
