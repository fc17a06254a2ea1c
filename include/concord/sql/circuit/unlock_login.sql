SELECT pg_advisory_unlock(hashtextextended('concord.login|' || %(conn_id)s, 0))
