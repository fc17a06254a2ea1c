INSERT INTO ops.outgoing (delivery_id, feed, kind, about, file_name, content_sealed, byte_count)
VALUES (%(delivery_id)s, %(feed)s, %(kind)s, %(about)s, %(file_name)s, %(content_sealed)s, %(byte_count)s)
ON CONFLICT DO NOTHING
RETURNING outgoing_id
