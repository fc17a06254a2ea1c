-- Nobody writes members of this partner, and nobody compares with them, until the transaction ends.
SELECT key_id FROM ops.match_key WHERE partner = %(partner)s FOR UPDATE
