SELECT delivery_id, file_name_token, remote_size, remote_modified_at FROM ops.delivery
WHERE feed = %(feed)s AND state = 'discovered' FOR UPDATE
