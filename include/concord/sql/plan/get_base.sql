SELECT state_seq, applied_delivery_id, seen_delivery_id FROM ops.lease WHERE feed = %(feed)s
