SELECT manifest ->> 'object_url' AS object_url FROM ops.export_file WHERE manifest IS NOT NULL
