-- The answer no longer counts; the next plan asks again where there is still something to ask.
UPDATE core.link_review SET state = 'withdrawn', closed_at = clock_timestamp()
WHERE review_id = %(review_id)s AND state = 'decided'
RETURNING review_id
