-- Families are one unit: dependents that waited for their subscriber go on waiting where it is neither known nor here.
UPDATE {stage} t SET disposition = 'quarantined', reason = 'subscriber_quarantined'
FROM ops.replay_row r JOIN ops.quarantine q USING (quarantine_id)
WHERE r.delivery_id = %(delivery_id)s AND r.line = t.line AND t.disposition = 'consumed'
  AND 'subscriber_quarantined' = ANY (q.reasons)
  AND NOT EXISTS (SELECT FROM core.member m WHERE m.partner = %(partner)s AND m.subscriber_id = t.subscriber_id
                  AND m.relationship_code = '18')
  AND NOT EXISTS (SELECT FROM {stage} o WHERE o.subscriber_id = t.subscriber_id AND o.disposition = 'consumed'
                  AND o.relationship_code = '18')
