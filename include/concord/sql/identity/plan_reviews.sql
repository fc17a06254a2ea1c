-- A question that is open already, with the same candidates, is not asked again.
INSERT INTO ops.link_plan_row (link_plan_id, entity, partner, key, action, part, evidence, reason, candidates)
SELECT %(plan_id)s, 'patient', o.partner, o.key, 'review', 'grant', jsonb_build_object('members', o.members), o.reason,
       c.candidates
FROM link_outcome o
CROSS JOIN LATERAL (SELECT array_agg(person_id ORDER BY person_id) AS candidates FROM unnest(o.candidates) person_id) c
LEFT JOIN core.link_review r ON r.state = 'open' AND r.entity = 'patient' AND r.partner = o.partner AND r.key = o.key
WHERE o.reason IS NOT NULL AND (r.review_id IS NULL OR r.reason <> o.reason OR r.candidates <> c.candidates)
UNION ALL
SELECT %(plan_id)s, 'patient', r.partner, r.key, 'withdraw', 'grant', jsonb_build_object('review', r.review_id), r.reason, NULL
FROM core.link_review r
LEFT JOIN link_outcome o ON o.partner = r.partner AND o.key = r.key
LEFT JOIN LATERAL (SELECT array_agg(person_id ORDER BY person_id) AS candidates FROM unnest(o.candidates) person_id) c ON true
WHERE r.state = 'open' AND (o.reason IS DISTINCT FROM r.reason OR r.candidates <> c.candidates)
