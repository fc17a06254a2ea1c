DELETE FROM ops.quarantine
WHERE delivery_id = %(delivery_id)s AND state = 'open' AND found_by = ANY (%(found_by)s)
