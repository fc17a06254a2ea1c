SELECT review_id, state, verdict, decided_by, candidates FROM core.link_review WHERE review_id = %(review_id)s FOR UPDATE
