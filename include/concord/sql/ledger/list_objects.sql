SELECT DISTINCT manifest ->> 'object_url' AS object_url FROM ops.landed_object
