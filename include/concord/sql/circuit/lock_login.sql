-- Of the session, not of a transaction: a login may take longer than a transaction may be idle.
SELECT pg_advisory_lock(hashtextextended('concord.login|' || %(conn_id)s, 0))
