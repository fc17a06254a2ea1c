-- A new subscriber none of whose own rows can be used: the family waits in quarantine together.
-- The relationship tells the subscriber. Where it cannot be read, the person code does, if it is one that subscribers
-- of this partner have: some number them from 00, some from 01.
WITH own AS (
    SELECT subscriber_id, bool_or(disposition = 'consumed') AS usable FROM {stage}
    WHERE subscriber_id IS NOT NULL AND (relationship_code = '18' OR (relationship_code IS NULL AND person_code IN (
        SELECT person_code FROM {stage} WHERE relationship_code = '18'
        UNION SELECT person_code FROM core.member WHERE partner = %(partner)s AND relationship_code = '18')))
    GROUP BY subscriber_id
), stranded AS (
    SELECT own.subscriber_id FROM own LEFT JOIN core.member m ON m.partner = %(partner)s
        AND m.subscriber_id = own.subscriber_id AND m.relationship_code = '18'
    WHERE NOT own.usable AND m.row_id IS NULL
)
UPDATE {stage} t SET disposition = 'quarantined', reason = 'subscriber_quarantined'
FROM stranded WHERE t.subscriber_id = stranded.subscriber_id AND t.disposition = 'consumed'
