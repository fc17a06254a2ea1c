SELECT row_id AS id FROM {core} WHERE effective_from >= effective_to
UNION ALL
SELECT row_id FROM {history} WHERE effective_from >= effective_to
