-- No row means that a newer attempt took the fence: this one may not write. The instant is taken after the
-- lock: now() would be the time the transaction began, and the second applier could get the earlier one.
SELECT state_seq, greatest(clock_timestamp(), last_known_at + interval '1 microsecond') AS known_at
FROM (SELECT * FROM ops.link_lease WHERE fence = %(fence)s FOR UPDATE) AS held
