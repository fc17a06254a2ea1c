-- A legal hold is placed before something is destroyed or after, never in between.
SELECT pg_advisory_xact_lock(hashtextextended('concord.custody', 0))
