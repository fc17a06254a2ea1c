UPDATE ops.export SET state = 'ready' WHERE delivery_id = %(delivery_id)s AND state = 'running'
    AND NOT EXISTS (SELECT FROM ops.export_file WHERE delivery_id = %(delivery_id)s AND sha256 IS NULL)
