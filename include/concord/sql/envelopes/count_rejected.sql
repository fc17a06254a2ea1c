-- Envelopes of a delivery that were rejected, and pieces of it that stood outside of any: who is in them is not known.
SELECT (SELECT count(*) FROM ops.interchange WHERE delivery_id = %(delivery_id)s AND is_rejected)
     + (SELECT count(*) FROM ops.quarantine WHERE delivery_id = %(delivery_id)s
        AND 'x12.outside_interchange' = ANY (reasons)) AS rejected,
       (SELECT count(*) FROM ops.interchange WHERE delivery_id = %(delivery_id)s) AS envelopes
