-- Stage tables that are still there and hold SSNs.
SELECT a.delivery_id, a.stage_no, d.partner, bool_or(t.attname = 'resource_id') AS is_of_records
FROM ops.stage_attempt a JOIN ops.delivery d USING (delivery_id)
JOIN pg_catalog.pg_attribute t ON t.attrelid = to_regclass('stage.d_' || a.delivery_id || '_' || a.stage_no)
WHERE a.dropped_at IS NULL
GROUP BY a.delivery_id, a.stage_no, d.partner HAVING bool_or(t.attname = 'ssn_sealed')
ORDER BY a.stage_no
