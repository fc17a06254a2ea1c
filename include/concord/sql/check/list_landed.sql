SELECT delivery_id, sha256, byte_count, manifest, landed_at > clock_timestamp() - %(recent)s::interval AS is_recent
FROM ops.delivery WHERE manifest IS NOT NULL AND shredded_at IS NULL ORDER BY arrival
