SELECT DISTINCT manifest ->> 'object_url' AS object_url FROM ops.delivery WHERE manifest IS NOT NULL
