SELECT ops.find_audit_unanchored(%(stream)s, %(seq)s, %(after)s) AS seq
