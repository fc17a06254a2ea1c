SELECT kind, part, remote_size AS bytes, content_bytes AS content, record_count AS records_promised,
       opened_by, signed_by, landed_at AS landed
FROM ops.arrival WHERE delivery_id = %(delivery_id)s ORDER BY file
