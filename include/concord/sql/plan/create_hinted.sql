-- Members that an unreadable row might be.
CREATE TEMP TABLE hinted ON COMMIT DROP AS
SELECT m.subscriber_id, m.person_code FROM core.member m JOIN hint ON hint.birth_date = m.birth_date
WHERE m.partner = %(partner)s
UNION
SELECT m.subscriber_id, m.person_code FROM core.member m JOIN hint ON hint.subscriber_id = m.subscriber_id
WHERE m.partner = %(partner)s
