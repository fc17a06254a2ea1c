INSERT INTO pair SELECT line, row_id FROM residue WHERE line IS NOT NULL AND row_id IS NOT NULL
