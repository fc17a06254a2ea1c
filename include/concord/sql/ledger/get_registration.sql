SELECT registered_at FROM ops.lease WHERE feed = %(feed)s
