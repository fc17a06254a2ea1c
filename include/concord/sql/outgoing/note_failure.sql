UPDATE ops.outgoing SET attempts = attempts + 1, last_failure = %(failure)s WHERE feed = %(feed)s AND state = 'due'
