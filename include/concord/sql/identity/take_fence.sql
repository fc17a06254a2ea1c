INSERT INTO ops.link_lease (fence) VALUES (1)
ON CONFLICT (only_one) DO UPDATE SET fence = ops.link_lease.fence + 1
RETURNING fence
