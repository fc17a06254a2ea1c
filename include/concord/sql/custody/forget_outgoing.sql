-- What was answered goes with what it was about.
UPDATE ops.outgoing SET content_sealed = NULL WHERE delivery_id = ANY (%(delivery_ids)s)
