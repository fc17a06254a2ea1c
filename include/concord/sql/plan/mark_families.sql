-- A new subscriber none of whose own rows can be used: the family waits in quarantine together.
WITH own AS (
    SELECT subscriber_id, bool_or(disposition = 'consumed') AS usable FROM {stage}
    WHERE subscriber_id IS NOT NULL AND (relationship_code = '18' OR (relationship_code IS NULL AND person_code = '01'))
    GROUP BY subscriber_id
), stranded AS (
    SELECT subscriber_id FROM own WHERE NOT usable AND NOT EXISTS (
        SELECT FROM core.member m WHERE m.partner = %(partner)s AND m.subscriber_id = own.subscriber_id)
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'subscriber_quarantined'
FROM stranded WHERE t.subscriber_id = stranded.subscriber_id AND t.disposition = 'consumed'
