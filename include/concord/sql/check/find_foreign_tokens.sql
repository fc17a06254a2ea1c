-- Equal numbers have equal tokens only under one key: another one's would look like changes.
SELECT m.row_id AS id FROM core.member m LEFT JOIN ops.match_key k USING (partner)
WHERE m.ssn_token IS NOT NULL AND split_part(m.ssn_token, ':', 1) IS DISTINCT FROM k.key_id
UNION ALL
SELECT m.row_id FROM core.member_history m LEFT JOIN ops.match_key k USING (partner)
WHERE m.ssn_token IS NOT NULL AND split_part(m.ssn_token, ':', 1) IS DISTINCT FROM k.key_id
UNION ALL
SELECT m.row_id FROM core.patient m LEFT JOIN ops.match_key k USING (partner)
WHERE m.ssn_token IS NOT NULL AND split_part(m.ssn_token, ':', 1) IS DISTINCT FROM k.key_id
UNION ALL
SELECT m.row_id FROM core.patient_history m LEFT JOIN ops.match_key k USING (partner)
WHERE m.ssn_token IS NOT NULL AND split_part(m.ssn_token, ':', 1) IS DISTINCT FROM k.key_id
