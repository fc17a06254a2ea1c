SELECT delivery_id, file_name_sealed FROM ops.delivery
WHERE file_name_sealed IS NOT NULL AND split_part(file_name_token, ':', 1) <> %(key_id)s AND delivery_id > %(after)s
ORDER BY delivery_id LIMIT %(most)s FOR UPDATE SKIP LOCKED
