-- By survivor and person: the strongest rule that says so, and the strongest that doubts it.
CREATE TEMP TABLE link_candidate ON COMMIT DROP AS
SELECT p.root_id, m.person_id,
       min(q.rank) FILTER (WHERE q.doubt IS NULL) AS match_rank,
       min(q.rank) FILTER (WHERE q.doubt IS NOT NULL) AS doubt_rank,
       (array_agg(q.doubt ORDER BY q.rank, q.doubt) FILTER (WHERE q.doubt IS NOT NULL))[1] AS doubt,
       (array_agg(q.rule ORDER BY q.rank) FILTER (WHERE q.doubt IS NULL))[1] AS rule,
       jsonb_build_object('members', to_jsonb(array_agg(DISTINCT q.member_id)), 'patients', to_jsonb(array_agg(DISTINCT p.row_id)),
                          'rules', to_jsonb(array_agg(DISTINCT q.rule) FILTER (WHERE q.doubt IS NULL))) AS evidence
FROM link_pair q JOIN link_patient p ON p.row_id = q.patient_id JOIN link_member m ON m.row_id = q.member_id
GROUP BY p.root_id, m.person_id
