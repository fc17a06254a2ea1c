UPDATE core.link_review
SET state = 'decided', closed_at = clock_timestamp(), verdict = %(verdict)s, person_id = %(person_id)s, decided_by = %(by)s,
    via = %(via)s, ticket = %(ticket)s, decision_reason = %(reason)s
WHERE review_id = %(review_id)s
