-- Every delivery of which anything can still be read, and what speaks against destroying it.
SELECT d.delivery_id, d.feed, d.sha256, d.manifest ->> 'object_url' AS object_url,
       d.manifest IS NOT NULL AND d.shredded_at IS NULL AS has_file, r.past AS past_rows,
       c.keep IS NULL AS is_undeclared, coalesce(d.landed_at + c.keep <= %(now)s, false) AS is_past,
       EXISTS (SELECT FROM ops.legal_hold h WHERE h.released_at IS NULL
               AND (h.partner = d.partner OR h.feed = d.feed OR h.delivery_id = d.delivery_id)) AS is_on_hold,
       NOT s.is_end OR EXISTS (SELECT FROM ops.delivery p JOIN ops.state e USING (state)
                               -- A failed replay may be opened again, and reads the raw rows of its original.
                               WHERE p.replay_of = d.delivery_id AND (NOT e.is_end OR p.state = 'failed')
                              ) AS is_unfinished,
       coalesce(d.delivery_id IN (l.seen_delivery_id, l.applied_delivery_id), false) AS is_newest,
       r.young > 0 AS has_young_rows
FROM ops.delivery d JOIN ops.state s USING (state) JOIN ops.lease l USING (feed)
LEFT JOIN unnest(%(feeds)s::text[], %(keeps)s::interval[]) AS c (feed, keep) USING (feed)
CROSS JOIN LATERAL (
    SELECT count(*) AS kept, count(*) FILTER (WHERE q.first_seen_at + c.keep <= %(now)s) AS past,
           count(*) FILTER (WHERE q.state IN ('open', 'poison') AND q.first_seen_at + c.keep > %(now)s) AS young
    FROM ops.quarantine q WHERE q.delivery_id = d.delivery_id AND q.raw_sealed IS NOT NULL) r
WHERE ((d.manifest IS NOT NULL AND d.shredded_at IS NULL) OR r.kept > 0)
  AND (%(only)s::text[] IS NULL OR d.delivery_id = ANY (%(only)s))
ORDER BY d.arrival
