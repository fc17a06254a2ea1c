-- Where each file's content is in the delivery's object, and how many records were promised.
UPDATE ops.arrival a SET first_byte = f.first_byte, content_bytes = f.content_bytes, record_count = f.record_count
FROM unnest(%(files)s::integer[], %(starts)s::bigint[], %(lengths)s::bigint[], %(records)s::bigint[])
    AS f(file, first_byte, content_bytes, record_count)
WHERE a.delivery_id = %(delivery_id)s AND a.file = f.file
