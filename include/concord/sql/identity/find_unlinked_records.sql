-- What came after the newest applied plan was computed is linked by the next one.
WITH seen AS (SELECT max(created_at) AS until FROM ops.link_plan WHERE known_at IS NOT NULL)
SELECT 'member:' || m.row_id AS id FROM core.member m CROSS JOIN seen
LEFT JOIN core.crosswalk x ON x.partner = m.partner AND x.entity = 'member' AND x.key = ARRAY[m.subscriber_id, m.person_code]
WHERE x.person_id IS NULL AND m.known_from < seen.until
UNION ALL
SELECT 'patient:' || p.row_id FROM core.patient p CROSS JOIN seen
LEFT JOIN core.crosswalk x ON x.partner = p.partner AND x.entity = 'patient' AND x.key = ARRAY[p.resource_id]
WHERE x.person_id IS NULL AND p.known_from < seen.until
