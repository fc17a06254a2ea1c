SELECT DISTINCT delivery_id FROM ops.landed_object WHERE sha256 = %(sha256)s
