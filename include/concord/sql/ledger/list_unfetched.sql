-- What is here already, file by file, does not depend on the partner any more.
SELECT delivery_id, file_name_token, remote_size, remote_modified_at FROM ops.delivery d
WHERE feed = %(feed)s AND state = 'discovered' AND NOT EXISTS (
    SELECT FROM ops.arrival a WHERE a.delivery_id = d.delivery_id
    HAVING count(*) > 0 AND count(*) = count(a.manifest))
FOR UPDATE
