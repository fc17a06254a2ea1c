SELECT pg_advisory_xact_lock(hashtextextended('concord.open_runs|' || %(feed)s, 0))
