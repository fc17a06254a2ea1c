-- Who a person is, is said by every row of the person, in any line of coverage, and by every newer full.
UPDATE ops.plan_row p SET action = 'keep', part = 'none', changed = '{{}}', reason = 'newer_truth'
FROM {core} h
WHERE p.plan_id = %(plan_id)s AND p.entity = %(entity)s AND p.action = 'change' AND h.row_id = p.held_row_id
  AND (cardinality(%(fulls)s::text[]) > 0 OR h.delivery_id = ANY (%(newer)s)
       OR EXISTS (SELECT FROM ops.stated_key k WHERE k.delivery_id = ANY (%(newer)s) AND k.key[1:2] = p.key)
       OR EXISTS (SELECT FROM core.eligibility e WHERE e.partner = %(partner)s AND e.delivery_id = ANY (%(newer)s)
                  AND ARRAY[e.subscriber_id, e.person_code] = p.key)
       OR EXISTS (SELECT FROM core.eligibility_history e WHERE e.partner = %(partner)s
                  AND (e.delivery_id = ANY (%(newer)s) OR e.closed_by_delivery_id = ANY (%(newer)s))
                  AND ARRAY[e.subscriber_id, e.person_code] = p.key))
