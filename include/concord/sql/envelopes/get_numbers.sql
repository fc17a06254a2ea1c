-- The first number of this delivery, and the last of those that got in before it.
SELECT (SELECT min(control_number::bigint) FROM ops.interchange
        WHERE delivery_id = %(delivery_id)s AND level = 'interchange' AND control_number ~ '^[0-9]{{1,9}}$') AS first,
       (SELECT max(i.control_number::bigint) FROM ops.interchange i JOIN ops.delivery d USING (delivery_id)
        WHERE i.level = 'interchange' AND d.feed = %(feed)s AND d.delivery_id <> %(delivery_id)s
          AND i.control_number ~ '^[0-9]{{1,9}}$' AND d.state IN ('applied', 'published', 'compared')) AS last
