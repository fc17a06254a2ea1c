-- What a survivor's person is to be. Ambiguity never takes a link away, only contradiction does; the reviewer is
-- asked in both cases. Who leaves a shared person becomes again who it was before, if nobody else is that.
CREATE TEMP TABLE link_outcome ON COMMIT DROP AS
WITH decided AS (
    SELECT c.*,
           CASE WHEN c.is_pinned THEN c.target
                WHEN c.is_linked AND c.is_kept THEN c.person_before
                ELSE c.target END AS person_id,
           c.is_linked AND NOT c.is_kept AND NOT c.is_pinned AND NOT EXISTS (
               SELECT FROM core.link_review r
               WHERE r.state = 'decided' AND r.verdict = 'apart' AND r.partner = c.partner AND r.entity = 'patient'
                 AND r.key = c.key AND c.person_before = ANY (r.candidates)) AS is_contradicted
    FROM link_choice c
), owned AS (
    SELECT DISTINCT ON (h.partner, h.key) h.partner, h.key, h.person_id FROM core.crosswalk_history h
    WHERE h.entity = 'patient' AND h.rule = 'own'
      AND NOT EXISTS (SELECT FROM core.crosswalk x WHERE x.person_id = h.person_id
                      AND (x.partner, x.entity, x.key) <> (h.partner, h.entity, h.key))
    ORDER BY h.partner, h.key, h.known_to DESC
), shared AS (
    SELECT DISTINCT p.row_id FROM link_patient p JOIN link_patient o ON o.person_before = p.person_before
    WHERE p.root_id = p.row_id AND o.root_id <> p.root_id AND p.rule_before <> 'own'
)
SELECT d.root_id, d.partner, d.key, d.person_before, d.is_linked, d.is_pinned,
       coalesce(d.person_id,
                CASE WHEN NOT d.is_linked AND s.row_id IS NULL THEN d.person_before END,
                o.person_id, gen_random_uuid()) AS person_id,
       CASE WHEN d.is_pinned THEN 'decided' WHEN d.person_id IS NULL THEN 'own' ELSE k.rule END AS rule,
       CASE WHEN d.is_pinned THEN jsonb_build_object('review', d.review_id) WHEN d.person_id IS NULL THEN '{{}}'
            ELSE k.evidence END AS evidence,
       CASE WHEN d.is_contradicted THEN 'link_contradicted' ELSE d.reason END AS reason,
       CASE WHEN d.is_contradicted THEN array_append(array_remove(d.candidates, d.person_before), d.person_before)
            ELSE d.candidates END AS candidates,
       d.members
FROM decided d
LEFT JOIN link_candidate k ON k.root_id = d.root_id AND k.person_id = d.person_id
LEFT JOIN owned o ON o.partner = d.partner AND o.key = d.key
LEFT JOIN shared s ON s.row_id = d.root_id
