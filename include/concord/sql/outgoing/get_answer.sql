SELECT outgoing_id, delivery_id, kind, about, file_name, content_sealed, entered_at FROM ops.outgoing
WHERE outgoing_id = %(outgoing_id)s AND content_sealed IS NOT NULL
