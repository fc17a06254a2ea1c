-- A new subscriber none of whose own rows can be used: the family waits in quarantine together.
WITH own AS (
    SELECT subscriber_id, bool_or(disposition = 'consumed') AS usable FROM {stage}
    WHERE subscriber_id IS NOT NULL AND (relationship_code = '18' OR (relationship_code IS NULL AND person_code = '01'))
    GROUP BY subscriber_id
), stranded AS (
    SELECT own.subscriber_id FROM own LEFT JOIN core.member m ON m.partner = %(partner)s
        AND m.subscriber_id = own.subscriber_id AND (m.relationship_code = '18' OR m.person_code = '01')
    WHERE NOT own.usable AND m.row_id IS NULL
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'subscriber_quarantined'
FROM stranded WHERE t.subscriber_id = stranded.subscriber_id AND t.disposition = 'consumed'
