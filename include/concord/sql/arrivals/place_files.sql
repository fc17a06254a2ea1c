-- Where each file's content is in the delivery's object, how many records were promised, and whose keys were used.
UPDATE ops.arrival a SET first_byte = f.first_byte, content_bytes = f.content_bytes, record_count = f.record_count,
    opened_by = f.opened_by, signed_by = f.signed_by
FROM unnest(%(files)s::integer[], %(starts)s::bigint[], %(lengths)s::bigint[], %(records)s::bigint[],
            %(openers)s::text[], %(signers)s::text[])
    AS f(file, first_byte, content_bytes, record_count, opened_by, signed_by)
WHERE a.delivery_id = %(delivery_id)s AND a.file = f.file
