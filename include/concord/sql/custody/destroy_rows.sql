UPDATE ops.quarantine SET raw_sealed = NULL, shredded_at = %(now)s
WHERE delivery_id = %(delivery_id)s AND raw_sealed IS NOT NULL AND first_seen_at + %(keep)s::interval <= %(now)s
RETURNING quarantine_id
