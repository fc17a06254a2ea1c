-- A name that was shredded cannot be made into another token: its old one says nothing any more.
SELECT 'file names' AS place, split_part(file_name_token, ':', 1) AS key_id, count(*) AS uses
FROM ops.delivery WHERE file_name_token IS NOT NULL AND file_name_sealed IS NOT NULL GROUP BY 2
UNION ALL
SELECT 'SSNs now', split_part(ssn_token, ':', 1), count(*) FROM core.member WHERE ssn_token IS NOT NULL GROUP BY 2
UNION ALL
SELECT 'SSNs before', split_part(ssn_token, ':', 1), count(*)
FROM core.member_history WHERE ssn_token IS NOT NULL GROUP BY 2
UNION ALL
SELECT 'patients'' SSNs now', split_part(ssn_token, ':', 1), count(*) FROM core.patient WHERE ssn_token IS NOT NULL GROUP BY 2
UNION ALL
SELECT 'patients'' SSNs before', split_part(ssn_token, ':', 1), count(*)
FROM core.patient_history WHERE ssn_token IS NOT NULL GROUP BY 2
UNION ALL
SELECT 'partners', key_id, count(*) FROM ops.match_key GROUP BY 2
