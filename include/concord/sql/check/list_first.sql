-- A screenful of ids; the total says how many there are.
SELECT id::text AS id, count(*) OVER () AS total
FROM (SELECT DISTINCT every.id FROM (
{statement}
) AS every) AS found
ORDER BY found.id LIMIT %(most)s
