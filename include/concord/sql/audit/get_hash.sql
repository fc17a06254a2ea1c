SELECT ops.audit_hash_at(%(stream)s, %(seq)s) AS hash
