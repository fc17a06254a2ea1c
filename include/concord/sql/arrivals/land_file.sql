UPDATE ops.arrival SET manifest = %(manifest)s, sha256 = %(sha256)s, byte_count = %(byte_count)s,
    landed_at = clock_timestamp()
WHERE delivery_id = %(delivery_id)s AND file = %(file)s AND manifest IS NULL
