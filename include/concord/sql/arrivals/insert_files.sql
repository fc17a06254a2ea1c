INSERT INTO ops.arrival (delivery_id, file, kind, part, file_name_sealed, remote_size, remote_modified_at)
SELECT %(delivery_id)s, file, kind, part, name_sealed, size, modified_at
FROM unnest(%(kinds)s::text[], %(parts)s::integer[], %(names)s::bytea[], %(sizes)s::bigint[],
            %(times)s::timestamptz[]) WITH ORDINALITY AS f(kind, part, name_sealed, size, modified_at, file)
