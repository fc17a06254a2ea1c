-- Known already: the same name, size and time of change, its token being of this or an earlier key. A file
-- that was replaced is a new delivery.
INSERT INTO ops.delivery (delivery_id, feed, partner, mode, is_pilot, attempt, file_name_sealed, file_name_token,
                          remote_size, remote_modified_at, file_date, file_sequence, as_of_date)
SELECT %(delivery_id)s, %(feed)s, %(partner)s, %(mode)s, %(is_pilot)s, 1, %(name_sealed)s, %(name_token)s,
       %(size)s, %(modified_at)s, %(file_date)s, %(sequence)s,
       coalesce(%(file_date)s::date, (%(modified_at)s::timestamptz AT TIME ZONE 'UTC')::date)
WHERE NOT EXISTS (
    SELECT FROM ops.delivery WHERE feed = %(feed)s AND file_name_token = ANY (%(known_as)s)
      AND remote_size = %(size)s AND remote_modified_at = %(modified_at)s)
ON CONFLICT (feed, file_name_token, remote_size, remote_modified_at) DO NOTHING
RETURNING delivery_id
