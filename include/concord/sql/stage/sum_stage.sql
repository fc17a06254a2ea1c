-- Order does not matter: a sum of row hashes over everything that reading decided.
SELECT count(*) AS row_count,
       coalesce(sum(hash_record_extended(
           ROW(s.line, s.lines, s.refused, s.subscriber_id, s.person_code, s.coverage_line, s.effective_from,
               s.effective_to, s.maintenance_action, s.member_hash, s.eligibility_hash), 0)::numeric), 0) AS checksum
FROM {stage} s
