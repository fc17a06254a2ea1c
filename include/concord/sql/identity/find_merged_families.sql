-- Whom one number of one partner tells apart are never one person: twins, spouses, parents with their children.
SELECT person_id AS id FROM core.crosswalk WHERE entity = 'member'
GROUP BY person_id, partner, key[1] HAVING count(DISTINCT key[2]) > 1
