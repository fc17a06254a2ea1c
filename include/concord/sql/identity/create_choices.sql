-- One row per survivor: the person it could only be (target), or why nobody can say (reason).
-- A doubt counts when its rule is stronger than any that matches.
CREATE TEMP TABLE link_choice ON COMMIT DROP AS
WITH best AS (
    SELECT root_id, min(match_rank) AS rank, count(match_rank) AS matches,
           count(DISTINCT match_rank) FILTER (WHERE match_rank IS NOT NULL) AS ranks
    FROM link_candidate GROUP BY root_id
), judged AS (
    SELECT c.root_id, b.matches, b.ranks,
           min(c.person_id::text) FILTER (WHERE c.match_rank IS NOT NULL)::uuid AS person_id,
           coalesce(bool_or(c.doubt_rank < coalesce(b.rank, 99)), false) AS is_doubted,
           (array_agg(c.doubt ORDER BY c.doubt_rank, c.doubt) FILTER (WHERE c.doubt IS NOT NULL))[1] AS doubt,
           array_agg(c.person_id ORDER BY c.person_id)
               FILTER (WHERE c.match_rank IS NOT NULL OR c.doubt_rank < coalesce(b.rank, 99)) AS candidates,
           jsonb_agg(c.evidence -> 'members' ORDER BY c.evidence -> 'members')
               FILTER (WHERE c.match_rank IS NOT NULL OR c.doubt_rank < coalesce(b.rank, 99)) AS members
    FROM link_candidate c JOIN best b USING (root_id) GROUP BY c.root_id, b.matches, b.ranks
), pinned AS (
    SELECT DISTINCT ON (p.row_id) p.row_id AS root_id, r.person_id, r.review_id
    FROM core.link_review r
    JOIN link_patient p ON p.partner = r.partner AND p.key = r.key AND r.entity = 'patient'
    WHERE r.state = 'decided' AND r.verdict = 'link' AND r.person_id IN (SELECT person_id FROM link_member)
    ORDER BY p.row_id, r.closed_at DESC
)
SELECT p.row_id AS root_id, p.partner, p.key, p.person_before,
       coalesce(p.person_before IN (SELECT person_id FROM link_member WHERE NOT is_unknown), false) AS is_linked,
       n.review_id, n.person_id IS NOT NULL AS is_pinned,
       CASE WHEN n.person_id IS NOT NULL THEN n.person_id
            WHEN j.matches = 1 AND NOT j.is_doubted THEN j.person_id END AS target,
       CASE WHEN n.person_id IS NOT NULL THEN NULL
            WHEN j.matches > 1 AND j.ranks = 1 THEN 'several_candidates'
            WHEN j.matches > 1 OR (j.matches = 1 AND j.is_doubted) THEN 'rules_disagree'
            WHEN j.matches = 0 THEN j.doubt END AS reason,
       j.candidates, j.members,
       k.match_rank IS NOT NULL AS is_kept
FROM link_patient p LEFT JOIN judged j ON j.root_id = p.row_id LEFT JOIN pinned n ON n.root_id = p.row_id
LEFT JOIN link_candidate k ON k.root_id = p.row_id AND k.person_id = p.person_before
WHERE p.root_id = p.row_id
