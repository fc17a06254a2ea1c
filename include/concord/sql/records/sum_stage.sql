-- Order does not matter: a sum of row hashes over everything that reading decided.
SELECT count(*) AS row_count,
       coalesce(sum(hash_record_extended(ROW(s.line, s.lines, s.refused, s.entity, s.deleted, s.resource_id, s.content_hash), 0
           )::numeric), 0) AS checksum
FROM {stage} s
