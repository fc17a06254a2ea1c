-- The delivery of an earlier day that had this number first; one that a person declined gave its number back.
SELECT other.delivery_id FROM ops.delivery AS own JOIN ops.delivery AS other USING (feed, file_sequence)
WHERE own.delivery_id = %(delivery_id)s AND other.arrival < own.arrival AND other.file_date < own.file_date
  AND other.state NOT IN ('discovered', 'failed', 'rejected', 'duplicate', 'declined')
ORDER BY other.arrival LIMIT 1
