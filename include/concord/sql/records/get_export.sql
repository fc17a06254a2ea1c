SELECT e.since IS NULL AS is_full, e.types,
       coalesce(array_agg(DISTINCT f.resource_type) FILTER (WHERE f.kind = 'output' AND f.line_count > 0), ARRAY[]::text[]) AS delivered,
       count(*) FILTER (WHERE f.kind = 'error') AS error_files,
       coalesce(sum(f.line_count) FILTER (WHERE f.kind = 'error'), 0) AS errors
FROM ops.export e LEFT JOIN ops.export_file f USING (delivery_id)
WHERE e.delivery_id = %(delivery_id)s GROUP BY e.since, e.types
