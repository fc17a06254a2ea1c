SELECT count(*) AS deliveries FROM ops.delivery d JOIN ops.legal_hold h
    ON h.partner = d.partner OR h.feed = d.feed OR h.delivery_id = d.delivery_id
WHERE h.legal_hold_id = %(legal_hold_id)s 
  AND EXISTS (SELECT FROM ops.landed_object o WHERE o.delivery_id = d.delivery_id AND o.shredded_at IS NULL)
