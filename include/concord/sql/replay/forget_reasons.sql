UPDATE ops.replay_row SET found_by = NULL, reasons = NULL
WHERE delivery_id = %(delivery_id)s AND found_by = ANY (%(found_by)s)
