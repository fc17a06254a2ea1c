-- Stated twice with different content, and nothing says which is newer: neither counts. So is a record that the
-- export brings and deletes at once ("resources in deleted are not in output", Bulk Data IG).
WITH twice AS (
    SELECT entity, resource_id FROM {stage} WHERE disposition = 'consumed'
    GROUP BY entity, resource_id HAVING count(DISTINCT line) > 1
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'ambiguous_key'
FROM twice w WHERE (t.entity, t.resource_id) = (w.entity, w.resource_id) AND t.disposition = 'consumed'
