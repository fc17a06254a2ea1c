-- Of one object there may be several deliveries; what a person or an apply works on just now is not waited for.
SELECT o.delivery_id, o.manifest, o.shredded_at FROM ops.landed_object o JOIN ops.delivery d USING (delivery_id)
WHERE o.sha256 = %(sha256)s ORDER BY d.arrival, o.file FOR UPDATE OF d NOWAIT
