-- Each object of a delivery once: a plain file is both what arrived and what is read.
SELECT DISTINCT ON (d.arrival, o.manifest ->> 'object_url') o.delivery_id, o.sha256, o.byte_count, o.manifest,
       o.landed_at > clock_timestamp() - %(recent)s::interval AS is_recent
FROM ops.landed_object o JOIN ops.delivery d USING (delivery_id)
WHERE o.shredded_at IS NULL ORDER BY d.arrival, o.manifest ->> 'object_url', o.file
