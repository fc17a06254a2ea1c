-- The rows are locked, so that their places stand still until the transaction ends.
UPDATE {table} t SET {sealed} = n.sealed
FROM unnest(%(tables)s::oid[], %(rows)s::tid[], %(sealed)s::bytea[]) AS n (of_table, row, sealed)
WHERE t.ctid = n.row AND t.tableoid = n.of_table
