-- The archive is emptied within the same minute; a run that was killed is finished by the next.
SELECT DISTINCT delivery_id AS id FROM ops.landed_object
WHERE shredded_at < clock_timestamp() - interval '2 days' AND erased_at IS NULL
