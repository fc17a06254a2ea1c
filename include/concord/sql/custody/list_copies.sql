-- Of one object there may be several deliveries; what a person or an apply works on just now is not waited for.
SELECT delivery_id, manifest, shredded_at FROM ops.delivery
WHERE sha256 = %(sha256)s AND manifest IS NOT NULL ORDER BY arrival FOR UPDATE NOWAIT
