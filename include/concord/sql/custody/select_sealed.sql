-- Row by row in the order of the key; what an apply holds just now is left for the next pass.
SELECT {columns}, {sealed} AS sealed, ctid::text AS row, tableoid AS of_table FROM {table}
WHERE {sealed} IS NOT NULL AND ops.key_id_of({sealed}) IS DISTINCT FROM %(key_id)s {beyond}
ORDER BY {key} LIMIT %(most)s FOR UPDATE SKIP LOCKED
