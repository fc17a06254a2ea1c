SELECT entity, count(DISTINCT (resource_id, line)) FILTER (WHERE NOT deleted) AS resources, count(*) FILTER (WHERE deleted) AS deletes
FROM {stage} WHERE entity IS NOT NULL AND NOT refused GROUP BY entity
