-- Whether anybody knows what is to be held; a replay stands for the delivery whose rows it read.
SELECT (SELECT coalesce(replay_of, delivery_id) FROM ops.delivery WHERE delivery_id = %(delivery_id)s) AS delivery_id,
       EXISTS (SELECT FROM ops.lease WHERE partner = %(partner)s OR feed = %(feed)s)
           OR EXISTS (SELECT FROM ops.delivery WHERE delivery_id = %(delivery_id)s) AS is_known
