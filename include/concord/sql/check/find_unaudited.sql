SELECT what || ':' || id AS id FROM ops.find_unaudited()
