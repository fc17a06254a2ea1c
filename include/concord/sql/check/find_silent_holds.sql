SELECT d.delivery_id AS id FROM ops.delivery d
WHERE d.state = 'held' AND NOT EXISTS (
    SELECT FROM ops.incident i WHERE i.delivery_id = d.delivery_id AND i.state = 'open')
