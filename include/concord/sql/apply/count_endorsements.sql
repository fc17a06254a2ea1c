SELECT count(*) AS persons FROM ops.endorsement WHERE delivery_id = %(delivery_id)s AND digest = %(digest)s
