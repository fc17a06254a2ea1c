SELECT delivery_id FROM ops.delivery WHERE sha256 = %(sha256)s
