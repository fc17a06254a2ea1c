-- Taken after the lease is locked: now() would be the time the transaction began, and the second
-- applier could get the earlier one.
SELECT greatest(clock_timestamp(), last_known_at + interval '1 microsecond') AS known_at
FROM ops.lease WHERE feed = %(feed)s
