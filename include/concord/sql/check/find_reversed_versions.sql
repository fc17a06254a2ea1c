SELECT row_id AS id FROM {history} WHERE known_to <= known_from
