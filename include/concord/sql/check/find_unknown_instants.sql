-- What is known became known by an apply of its feed, and by nothing else.
WITH version AS (
    SELECT row_id, feed, known_from, NULL::timestamptz AS known_to, NULL::text AS closed_by FROM {core}
    UNION ALL
    SELECT row_id, feed, known_from, known_to, closed_by_delivery_id FROM {history}
)
SELECT v.row_id AS id FROM version v
LEFT JOIN ops.delivery o ON o.feed = v.feed AND o.known_at = v.known_from
LEFT JOIN ops.delivery c ON c.delivery_id = v.closed_by AND c.known_at = v.known_to
WHERE o.delivery_id IS NULL OR (v.known_to IS NOT NULL AND c.delivery_id IS NULL)
