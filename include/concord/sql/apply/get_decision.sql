SELECT verdict, decided_by, digest, via FROM ops.decision WHERE delivery_id = %(delivery_id)s AND digest = %(digest)s
