-- Of several statements of one record the newest counts: by the time of its last update, then by its version.
WITH newest AS (
    SELECT entity, resource_id, max(last_updated) AS last_updated FROM statement
    GROUP BY entity, resource_id HAVING count(*) > 1
), latest AS (
    SELECT s.entity, s.resource_id, max(s.version) AS version FROM statement s JOIN newest n USING (entity, resource_id)
    WHERE s.last_updated IS NOT DISTINCT FROM n.last_updated GROUP BY s.entity, s.resource_id
)
UPDATE {stage} t SET disposition = 'ignored', reason = 'older_version'
FROM statement s JOIN newest n USING (entity, resource_id) JOIN latest l USING (entity, resource_id)
WHERE (t.entity, t.resource_id, t.line) = (s.entity, s.resource_id, s.line) AND NOT t.refused AND NOT s.deleted
  AND (s.last_updated IS DISTINCT FROM n.last_updated OR (l.version IS NOT NULL AND s.version IS DISTINCT FROM l.version))
