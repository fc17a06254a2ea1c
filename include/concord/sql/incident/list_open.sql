SELECT cause FROM ops.incident WHERE kind = %(kind)s AND state = 'open' ORDER BY cause
