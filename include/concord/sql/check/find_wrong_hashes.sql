SELECT c.row_id AS id FROM {core} c WHERE c.content_hash <> {row_hash}
