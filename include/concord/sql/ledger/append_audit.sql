SELECT ops.append_audit(%(actor)s, %(action)s, %(object)s, %(detail)s, %(count)s, %(purpose)s)
