SELECT coalesce(ops.key_id_of({sealed}), '') AS key_id, count(*) AS uses FROM {table}
WHERE {sealed} IS NOT NULL GROUP BY 1
