-- An incident may be over by now; one that never was means that nobody was told.
SELECT d.delivery_id AS id FROM ops.delivery d
WHERE d.state IN ('failed', 'rejected') AND NOT EXISTS (SELECT FROM ops.incident i WHERE i.delivery_id = d.delivery_id)
