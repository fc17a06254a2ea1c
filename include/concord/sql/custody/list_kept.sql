-- Every delivery of which anything can still be read, and what speaks against destroying it: its rows and the object
-- that is read, then each file as it arrived, unless it is that object.
SELECT d.delivery_id, d.feed, o.sha256, o.manifest ->> 'object_url' AS object_url,
       o.manifest IS NOT NULL AND o.shredded_at IS NULL AS has_file, CASE o.file WHEN 0 THEN r.past ELSE 0 END AS past_rows,
       c.keep IS NULL AS is_undeclared, coalesce(coalesce(d.landed_at, o.landed_at) + c.keep <= %(now)s, false) AS is_past,
       EXISTS (SELECT FROM ops.legal_hold h WHERE h.released_at IS NULL
               AND (h.partner = d.partner OR h.feed = d.feed OR h.delivery_id = d.delivery_id)) AS is_on_hold,
       NOT s.is_end OR EXISTS (SELECT FROM ops.delivery p JOIN ops.state e USING (state)
                               -- A failed replay may be opened again, and reads the raw rows of its original.
                               WHERE p.replay_of = d.delivery_id AND (NOT e.is_end OR p.state = 'failed')
                              ) AS is_unfinished,
       coalesce(d.delivery_id IN (l.seen_delivery_id, l.applied_delivery_id), false) AS is_newest,
       r.young > 0 AS has_young_rows
FROM ops.delivery d JOIN ops.state s USING (state) JOIN ops.lease l USING (feed)
CROSS JOIN LATERAL (
    SELECT 0 AS file, d.sha256, d.manifest, d.landed_at, d.shredded_at
    UNION ALL
    SELECT a.file, a.sha256, a.manifest, a.landed_at, a.shredded_at FROM ops.arrival a
    WHERE a.delivery_id = d.delivery_id AND a.manifest IS NOT NULL AND a.shredded_at IS NULL
      AND a.manifest ->> 'object_url' IS DISTINCT FROM d.manifest ->> 'object_url') o
LEFT JOIN unnest(%(feeds)s::text[], %(keeps)s::interval[]) AS c (feed, keep) USING (feed)
CROSS JOIN LATERAL (
    SELECT count(*) AS kept, count(*) FILTER (WHERE q.first_seen_at + c.keep <= %(now)s) AS past,
           count(*) FILTER (WHERE q.state IN ('open', 'poison') AND q.first_seen_at + c.keep > %(now)s) AS young
    FROM ops.quarantine q WHERE q.delivery_id = d.delivery_id AND q.raw_sealed IS NOT NULL) r
WHERE ((o.manifest IS NOT NULL AND o.shredded_at IS NULL) OR (o.file = 0 AND r.kept > 0))
  AND (%(only)s::text[] IS NULL OR d.delivery_id = ANY (%(only)s))
ORDER BY d.arrival, o.file
