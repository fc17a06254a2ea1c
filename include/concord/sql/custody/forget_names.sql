-- A delivery whose files were refused has no object of its own; when the last of them goes, so does its name.
UPDATE ops.delivery d SET file_name_sealed = NULL
WHERE d.delivery_id = ANY (%(delivery_ids)s) AND d.manifest IS NULL AND NOT EXISTS (
    SELECT FROM ops.arrival a WHERE a.delivery_id = d.delivery_id AND a.shredded_at IS NULL AND a.manifest IS NOT NULL)
