SELECT delivery_id AS id FROM ops.find_unaudited_shreds()
