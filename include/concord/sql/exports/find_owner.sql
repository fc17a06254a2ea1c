-- Whether a delivery, or another export's file, has the same object.
SELECT EXISTS (SELECT FROM ops.landed_object WHERE sha256 = %(sha256)s AND shredded_at IS NULL)
    OR EXISTS (SELECT FROM ops.export_file WHERE sha256 = %(sha256)s AND manifest IS NOT NULL
               AND (delivery_id, part) <> (%(delivery_id)s, %(part)s)) AS is_owned
