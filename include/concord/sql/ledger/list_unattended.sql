-- A held delivery has a run as well, which waits for a person: whether it is there, Airflow has to be asked.
SELECT * FROM ops.delivery
WHERE feed = %(feed)s AND state IN ('landed', 'staged', 'planned', 'held')
  AND state_at < clock_timestamp() - %(after)s::interval
