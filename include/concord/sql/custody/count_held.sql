SELECT count(*) AS deliveries FROM ops.delivery d JOIN ops.legal_hold h
    ON h.partner = d.partner OR h.feed = d.feed OR h.delivery_id = d.delivery_id
WHERE h.legal_hold_id = %(legal_hold_id)s AND d.manifest IS NOT NULL AND d.shredded_at IS NULL
