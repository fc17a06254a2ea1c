-- What is expected, and what became of telling people.

-- ── since when a feed is expected ───────────────────────────────────────────
ALTER TABLE ops.lease ADD COLUMN registered_at timestamptz NOT NULL DEFAULT clock_timestamp();
COMMENT ON COLUMN ops.lease.registered_at IS 'When the feed was first seen to: no business day that began before is expected.';

-- ── incidents grow louder until somebody sees to them ───────────────────────
ALTER TABLE ops.incident
    ADD COLUMN severity text NOT NULL DEFAULT 'action' CHECK (severity IN ('note', 'action', 'urgent')),
    ADD COLUMN escalates_after interval,
    ADD COLUMN level integer NOT NULL DEFAULT 0,
    ADD COLUMN acked_at timestamptz,
    ADD COLUMN acked_by text,
    ADD CHECK ((acked_at IS NULL) = (acked_by IS NULL));
CREATE INDEX ON ops.incident (delivery_id) WHERE state = 'open';
COMMENT ON COLUMN ops.incident.escalates_after IS 'Open and unacknowledged this long, it escalates; again after twice as long, and so on. Null: never.';
COMMENT ON COLUMN ops.incident.level IS 'How often it escalated.';
COMMENT ON COLUMN ops.incident.acked_by IS 'Who said that they are on it: it escalates no further, and stays open.';

CREATE TABLE ops.notice (
    notice_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident_id bigint NOT NULL REFERENCES ops.incident,
    event text NOT NULL CHECK (event IN ('opened', 'changed', 'escalated', 'acknowledged', 'recovered')),
    severity text NOT NULL CHECK (severity IN ('note', 'action', 'urgent')),
    level integer NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    told jsonb NOT NULL DEFAULT '{}',
    told_at timestamptz
);
CREATE INDEX ON ops.notice (notice_id) WHERE told_at IS NULL;
CREATE INDEX ON ops.notice (incident_id);
COMMENT ON TABLE ops.notice IS 'What people have to be told of an incident: written with it by a trigger, told at least once.';
COMMENT ON COLUMN ops.notice.told IS 'When each channel took it, by the channel''s name; never an address.';
COMMENT ON COLUMN ops.notice.told_at IS 'When the last of the channels took it; null while one of them has not.';

-- In the transaction of the incident itself: whoever opens or closes one cannot forget to tell.
CREATE FUNCTION ops.record_notice() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    event text := CASE
        WHEN TG_OP = 'INSERT' THEN 'opened'
        WHEN NEW.state <> OLD.state THEN 'recovered'
        WHEN NEW.kind <> OLD.kind THEN 'changed'
        WHEN NEW.level > OLD.level THEN 'escalated'
        WHEN NEW.acked_at IS NOT NULL AND OLD.acked_at IS NULL THEN 'acknowledged'
    END;
BEGIN
    IF event IS NOT NULL THEN
        INSERT INTO ops.notice (incident_id, event, severity, level, subject, text)
        VALUES (NEW.incident_id, event, CASE WHEN NEW.level > 0 THEN 'urgent' ELSE NEW.severity END,
                NEW.level, NEW.subject, NEW.text);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION ops.record_notice() FROM PUBLIC;
CREATE TRIGGER record_notice AFTER INSERT OR UPDATE ON ops.incident
    FOR EACH ROW EXECUTE FUNCTION ops.record_notice();

GRANT SELECT ON ops.notice TO concord_loader;
GRANT UPDATE (told, told_at) ON ops.notice TO concord_loader;
