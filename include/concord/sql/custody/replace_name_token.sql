-- A file that was entered twice while processes knew different keys keeps one token.
UPDATE ops.delivery d SET file_name_token = CASE WHEN NOT EXISTS (
    SELECT FROM ops.delivery o WHERE (o.feed, o.file_name_token, o.remote_size, o.remote_modified_at)
        = (d.feed, %(token)s, d.remote_size, d.remote_modified_at)) THEN %(token)s END
WHERE delivery_id = %(delivery_id)s
