-- A plan is computed in one transaction: half of one is nothing that a crash could leave.
SELECT delivery_id AS id FROM ops.plan WHERE finished_at IS NULL OR digest IS NULL OR verdict IS NULL
