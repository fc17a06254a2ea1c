UPDATE ops.export_file SET manifest = %(manifest)s, sha256 = %(sha256)s, byte_count = %(byte_count)s,
    resource_count = %(resource_count)s, line_count = %(line_count)s, landed_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s AND part = %(part)s
