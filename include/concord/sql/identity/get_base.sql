-- Every apply of members or patients moves the state of its feed on, so their sum grows with each.
SELECT coalesce((SELECT state_seq FROM ops.link_lease), 0) AS base_seq,
       (SELECT coalesce(sum(state_seq), 0)::bigint FROM ops.lease) AS sources_seq
