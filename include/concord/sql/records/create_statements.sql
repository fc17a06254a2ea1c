-- What each line states of each record: a resource is one statement, whatever rows it has; its content is all of them.
CREATE TEMP TABLE statement ON COMMIT DROP AS
SELECT entity, resource_id, line, bool_or(deleted) AS deleted, max(last_updated) AS last_updated,
       max(CASE WHEN version_id ~ '^[0-9]{{1,18}}$' THEN version_id::bigint END) AS version,
       hash_array_extended(array_agg(content_hash ORDER BY {component}), 0) AS content
FROM {stage} WHERE NOT refused AND entity IS NOT NULL GROUP BY entity, resource_id, line
