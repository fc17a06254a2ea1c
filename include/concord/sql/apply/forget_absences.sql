-- Seen again, or ended by now: the count starts anew.
DELETE FROM ops.absence a
WHERE a.feed = %(feed)s AND NOT EXISTS (
    SELECT FROM ops.plan_row p WHERE p.plan_id = %(plan_id)s AND p.action = 'pending_end'
      AND p.entity = a.entity AND p.held_row_id = a.row_id)
