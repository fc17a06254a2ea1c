SELECT * FROM ops.delivery
WHERE feed = %(feed)s AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
