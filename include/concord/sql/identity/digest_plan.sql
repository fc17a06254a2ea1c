-- Ids of persons are left out: a new one is another each time it is computed, and the row ids of the evidence say who
-- is meant. The instant of the version that is replaced makes the same change at another time another digest.
WITH listed AS (
    SELECT part, entity, partner, key, action, encode(sha256(convert_to(ROW(
        entity, partner, key, action, part, rule, before_known_from, evidence, reason)::text, 'UTF8')), 'hex') AS hash
    FROM ops.link_plan_row WHERE link_plan_id = %(plan_id)s
)
SELECT encode(sha256(convert_to(coalesce(string_agg(hash, '' ORDER BY entity, partner, key, action), ''), 'UTF8')), 'hex') AS digest,
       encode(sha256(convert_to(string_agg(hash, '' ORDER BY entity, partner, key, action)
           FILTER (WHERE part = 'loss'), 'UTF8')), 'hex') AS loss_digest
FROM listed
