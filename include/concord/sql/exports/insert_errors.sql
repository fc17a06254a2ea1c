INSERT INTO ops.export_file (delivery_id, part, kind, resource_type, manifest, sha256, byte_count, resource_count, line_count, landed_at)
VALUES (%(delivery_id)s, %(part)s, 'error', 'OperationOutcome', %(manifest)s, %(sha256)s, %(byte_count)s, %(resource_count)s,
        %(line_count)s, clock_timestamp())
