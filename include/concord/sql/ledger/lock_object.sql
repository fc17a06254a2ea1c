SELECT pg_advisory_xact_lock(hashtextextended('concord.object|' || %(sha256)s, 0))
