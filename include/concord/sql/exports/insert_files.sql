INSERT INTO ops.export_file (delivery_id, part, kind, resource_type, declared_count)
SELECT %(delivery_id)s, part, kind, resource_type, declared_count
FROM unnest(%(kinds)s::text[], %(types)s::text[], %(counts)s::bigint[]) WITH ORDINALITY AS f(kind, resource_type, declared_count, part)
