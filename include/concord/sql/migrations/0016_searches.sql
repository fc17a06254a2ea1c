-- Crawls by search: a delivery that no job at the server makes. Whom it asks for is settled when it begins.

ALTER TABLE ops.export DROP CONSTRAINT export_check;
ALTER TABLE ops.export ADD CONSTRAINT export_check
    CHECK ((state IN ('running', 'ready')) <= (num_nonnulls(status_url_sealed, manifest_sealed) > 0));

COMMENT ON TABLE ops.export IS 'What brings a delivery from a FHIR server: a job of its (bulk export), one at a time for each group since servers allow no second, or a crawl by search.';
COMMENT ON COLUMN ops.export.state IS
    'wanted: asked for, and whether the server heard it is not known; running; ready: its manifest is here, or all searches of a crawl are answered; landed: all of it is in landing; over: the server was told that it may forget it, or has forgotten it.';
COMMENT ON COLUMN ops.export.status_url_sealed IS 'Where the server tells how far it is, encrypted: whoever knows it may take the files. A crawl has none.';
COMMENT ON COLUMN ops.export.manifest_sealed IS 'The server''s manifest with the addresses of the files, or the patients whom a crawl asks for, encrypted.';
COMMENT ON TABLE ops.export_file IS 'The files of an export''s manifest: what the server says is in them, and what was. Of a crawl: one for each type and batch of patients, and one for each of these in whose answers the server named errors.';
COMMENT ON COLUMN ops.export_file.declared_count IS 'What the server says is in it: the manifest''s count, or the sum of the searches'' totals; null where it does not say.';
COMMENT ON COLUMN ops.export_file.manifest IS 'Of the file in landing, until all of them are put together as the delivery''s object; null for one of a crawl without a line.';
