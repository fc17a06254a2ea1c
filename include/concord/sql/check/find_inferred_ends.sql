-- An inferred end says by which rule, from which delivery, and where the member was last seen (reconcile §10).
WITH inferred AS (
    SELECT row_id, end_evidence FROM {core} WHERE end_kind = 'inferred'
    UNION ALL
    SELECT row_id, end_evidence FROM {history} WHERE end_kind = 'inferred'
)
SELECT i.row_id AS id FROM inferred i
LEFT JOIN ops.delivery d ON d.delivery_id = i.end_evidence ->> 'delivery'
LEFT JOIN ops.delivery s ON s.delivery_id = i.end_evidence ->> 'last_seen_delivery'
WHERE i.end_evidence ->> 'rule' IS NULL OR d.delivery_id IS NULL OR s.delivery_id IS NULL
