SELECT c.relname::text AS id FROM pg_catalog.pg_class c
WHERE c.relnamespace = 'stage'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm') AND NOT EXISTS (
    SELECT FROM ops.stage_attempt a
    WHERE a.dropped_at IS NULL AND c.relname = 'd_' || a.delivery_id || '_' || a.stage_no)
