-- What goes back to partners: acknowledgements and reports, each sent once.
CREATE SEQUENCE ops.outgoing_control MAXVALUE 999999999 CYCLE;
COMMENT ON SEQUENCE ops.outgoing_control IS 'Our own interchange control numbers (ISA13): strictly growing.';

CREATE TABLE ops.outgoing (
    outgoing_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id text NOT NULL REFERENCES ops.delivery,
    feed text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('ta1', '999', 'csv', 'html')),
    about text NOT NULL,
    file_name text NOT NULL CHECK (file_name ~ '^[A-Za-z0-9_.-]{1,120}$'),
    content_sealed bytea,
    byte_count bigint NOT NULL,
    state text NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'sent')),
    attempts integer NOT NULL DEFAULT 0,
    last_failure text,
    entered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sent_at timestamptz,
    UNIQUE (delivery_id, kind, about),
    UNIQUE (feed, file_name)
);
CREATE INDEX ON ops.outgoing (feed) WHERE state = 'due';
COMMENT ON TABLE ops.outgoing IS 'Answers to partners: TA1, 999 and reports, what they say (sealed), and whether they lie in the partner''s folder.';
COMMENT ON COLUMN ops.outgoing.about IS 'Of an acknowledgement the interchange''s place in the file; of a report the delivery''s state that it tells.';
COMMENT ON COLUMN ops.outgoing.file_name IS 'Made of ids and control numbers: nothing of the partner''s own name for the file.';
COMMENT ON COLUMN ops.outgoing.last_failure IS 'Class of the last failure to send it; never a partner''s words.';
GRANT SELECT, INSERT, UPDATE ON ops.outgoing TO concord_loader;
GRANT USAGE ON SEQUENCE ops.outgoing_control TO concord_loader;
GRANT SELECT ON ops.outgoing TO concord_auditor;
