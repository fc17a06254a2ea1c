-- The unique index says the same, unless it is gone or broken.
SELECT unnest(array_agg(row_id)) AS id FROM {core} GROUP BY partner, {key} HAVING count(*) > 1
