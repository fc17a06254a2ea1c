-- A change inside a held span opens two versions: the changed one, and what came before it.
WITH applied AS (
{applied}
), planned AS (
    SELECT a.delivery_id, a.feed, a.known_at, count(p.action) + count(*) FILTER (WHERE p.splits) AS versions
    FROM applied a LEFT JOIN ops.plan_row p ON p.plan_id = a.plan_id AND p.entity = %(entity)s AND p.part <> 'none'
        AND p.action IN ('add', 'change', 'correct_start', 'correct_end', 'end', 'reinstate')
    GROUP BY a.delivery_id, a.feed, a.known_at
), opened AS (
    SELECT feed, known_from, count(*) AS versions FROM (
        SELECT feed, known_from FROM {core} UNION ALL SELECT feed, known_from FROM {history}) v
    GROUP BY feed, known_from
)
SELECT p.delivery_id AS id FROM planned p LEFT JOIN opened o ON o.feed = p.feed AND o.known_from = p.known_at
WHERE p.versions <> coalesce(o.versions, 0)
