SELECT row_id AS id FROM {core} WHERE (effective_to IS NULL) <> (end_kind IS NULL)
UNION ALL
SELECT row_id FROM {history} WHERE (effective_to IS NULL) <> (end_kind IS NULL)
