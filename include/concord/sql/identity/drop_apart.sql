-- A person said that the patient is none of these.
DELETE FROM link_pair q
USING link_patient p, link_member m, core.link_review r
WHERE p.row_id = q.patient_id AND m.row_id = q.member_id AND r.state = 'decided' AND r.verdict = 'apart'
  AND r.partner = p.partner AND r.entity = 'patient' AND r.key = p.key AND m.person_id = ANY (r.candidates)
