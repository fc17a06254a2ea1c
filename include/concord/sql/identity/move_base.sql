-- An answer changes what a plan would say, as an apply does.
INSERT INTO ops.link_lease (state_seq) VALUES (1)
ON CONFLICT (only_one) DO UPDATE SET state_seq = ops.link_lease.state_seq + 1
