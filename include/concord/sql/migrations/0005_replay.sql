-- Replay of quarantine (reconcile §9): which refused rows a replay takes up, what became of each,
-- and what change files and replays said without changing anything.

ALTER TABLE ops.delivery ADD COLUMN replay_of text REFERENCES ops.delivery;
ALTER TABLE ops.delivery ADD CONSTRAINT a_replay_has_its_original CHECK ((kind = 'replay') = (replay_of IS NOT NULL));
COMMENT ON COLUMN ops.delivery.replay_of IS 'The delivery whose refused rows this replay takes up: as of its date, in its place in the order.';

ALTER TABLE ops.quarantine DROP CONSTRAINT quarantine_state_check;
ALTER TABLE ops.quarantine ADD CONSTRAINT quarantine_state_check
    CHECK (state IN ('open', 'poison', 'replayed', 'waived'));
ALTER TABLE ops.quarantine ADD CONSTRAINT quarantine_closed_check
    CHECK ((state IN ('replayed', 'waived')) = (closed_at IS NOT NULL));
COMMENT ON COLUMN ops.quarantine.state IS
    'open: waits for a fix; poison: refused again as often as the contract allows; replayed: it counted; waived: moot.';
COMMENT ON COLUMN ops.quarantine.attempts IS 'How often a replay took it up and was applied.';
COMMENT ON COLUMN ops.quarantine.closed_by IS 'The replay''s delivery id, or the person who waived it.';
COMMENT ON COLUMN ops.quarantine.closed_reason IS
    'replay, newer_truth (a newer delivery says otherwise) or person; a person''s own words are in the audit trail.';

CREATE TABLE ops.replay_row (
    delivery_id text NOT NULL REFERENCES ops.delivery,
    line bigint NOT NULL,
    line_count integer NOT NULL,
    quarantine_id bigint NOT NULL REFERENCES ops.quarantine,
    found_by text,
    reasons text[],
    outcome text CHECK (outcome IN ('replayed', 'refused', 'newer_truth', 'released')),
    PRIMARY KEY (delivery_id, line),
    UNIQUE (delivery_id, quarantine_id)
);
CREATE UNIQUE INDEX in_one_replay_at_a_time ON ops.replay_row (quarantine_id) WHERE outcome IS NULL;
COMMENT ON TABLE ops.replay_row IS 'The refused rows a replay takes up, as its lines: each leads to its delivery and line.';
COMMENT ON COLUMN ops.replay_row.line IS 'First line in the replay; its first line is the original''s header.';
COMMENT ON COLUMN ops.replay_row.reasons IS 'Why it is refused now; null where it is not.';
COMMENT ON COLUMN ops.replay_row.outcome IS
    'Null while the replay goes on; refused rows stay open, released ones were in a replay that was not applied.';

-- A replay that ends without being applied lets its rows go. A failed one may be opened again and keeps them.
CREATE FUNCTION ops.release_replay() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
BEGIN
    UPDATE ops.replay_row SET outcome = 'released' WHERE delivery_id = NEW.delivery_id AND outcome IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER release_replay AFTER UPDATE OF state ON ops.delivery FOR EACH ROW
    WHEN (NEW.kind = 'replay' AND NEW.state IN ('rejected', 'declined', 'superseded', 'compared'))
    EXECUTE FUNCTION ops.release_replay();

CREATE TABLE ops.stated_key (
    delivery_id text NOT NULL REFERENCES ops.delivery,
    key text[] NOT NULL,
    PRIMARY KEY (delivery_id, key)
);
CREATE INDEX ON ops.stated_key (key);
COMMENT ON TABLE ops.stated_key IS
    'Keys that a change file or a replay spoke of without changing their spans: said, and by no version to be seen.';

GRANT SELECT, INSERT, UPDATE ON ops.replay_row TO concord_loader;
GRANT SELECT, INSERT ON ops.stated_key TO concord_loader;
REVOKE ALL ON FUNCTION ops.release_replay() FROM PUBLIC;

-- A replay brings no file: it makes no feed fresh. New columns of a view come last.
CREATE OR REPLACE VIEW mart.feed_freshness WITH (security_barrier) AS
SELECT l.feed, l.partner, max(d.landed_at) AS last_landed_at,
       max(d.applied_at) FILTER (WHERE d.kind = 'delivery') AS last_applied_at,
       max(d.file_date) FILTER (WHERE d.applied_at IS NOT NULL AND d.kind = 'delivery') AS newest_applied_file_date,
       count(*) FILTER (WHERE d.state = 'held') AS held, count(*) FILTER (WHERE d.state = 'failed') AS failed,
       clock_timestamp() - max(d.applied_at) FILTER (WHERE d.kind = 'delivery') AS age
FROM ops.lease l LEFT JOIN ops.delivery d USING (feed) GROUP BY l.feed, l.partner;
COMMENT ON COLUMN mart.feed_freshness.last_applied_at IS 'When a file of the partner last changed the tables.';
COMMENT ON COLUMN mart.feed_freshness.age IS 'Time since a file was last applied.';

CREATE OR REPLACE VIEW mart.delivery_reconciliation WITH (security_barrier) AS
WITH lines AS (
    SELECT delivery_id,
           sum(line_total) FILTER (WHERE disposition = 'consumed') AS consumed,
           sum(line_total) FILTER (WHERE disposition = 'duplicate') AS duplicate,
           sum(line_total) FILTER (WHERE disposition = 'quarantined') AS quarantined,
           sum(line_total) FILTER (WHERE disposition = 'ignored') AS ignored,
           sum(line_total) FILTER (WHERE disposition = 'control') AS control
    FROM ops.line_account GROUP BY delivery_id
), newest AS (
    SELECT DISTINCT ON (delivery_id) * FROM ops.plan WHERE finished_at IS NOT NULL ORDER BY delivery_id, plan_id DESC
)
SELECT d.feed, d.delivery_id, d.file_date, d.state, d.state_reason, d.line_count AS lines,
       coalesce(l.consumed, 0) AS consumed, coalesce(l.duplicate, 0) AS duplicate,
       coalesce(l.quarantined, 0) AS quarantined, coalesce(l.ignored, 0) AS ignored,
       coalesce(l.control, 0) AS control,
       (p.counts #>> '{eligibility,incoming}')::bigint AS spans_in,
       coalesce((p.counts #>> '{eligibility,unchanged}')::bigint, 0) AS unchanged,
       coalesce((p.counts #>> '{eligibility,add}')::bigint, 0) AS added,
       coalesce((p.counts #>> '{eligibility,change}')::bigint, 0) AS changed,
       coalesce((p.counts #>> '{eligibility,correct_start}')::bigint, 0)
           + coalesce((p.counts #>> '{eligibility,correct_end}')::bigint, 0) AS corrected,
       coalesce((p.counts #>> '{eligibility,reinstate}')::bigint, 0) AS reinstated,
       coalesce((p.counts #>> '{eligibility,end}')::bigint, 0) AS ended,
       coalesce((p.counts #>> '{eligibility,pending_end}')::bigint, 0) AS pending_end,
       coalesce((p.counts #>> '{eligibility,void}')::bigint, 0) AS voided,
       coalesce((p.counts #>> '{eligibility,keep}')::bigint, 0) AS kept,
       round(coalesce((p.counts #>> '{eligibility,end}')::numeric, 0)
           / nullif((p.counts #>> '{eligibility,held}')::numeric, 0), 4) AS ended_share,
       round(coalesce(l.quarantined, 0)::numeric / nullif(d.line_count, 0), 4) AS quarantined_share,
       p.balance #>> '{lines,verdict}' AS lines_balance, p.balance #>> '{spans,verdict}' AS spans_balance,
       d.drift, p.digest, d.landed_at, d.applied_at, d.kind, d.replay_of
FROM ops.delivery d LEFT JOIN lines l USING (delivery_id) LEFT JOIN newest p USING (delivery_id);
COMMENT ON COLUMN mart.delivery_reconciliation.kind IS 'delivery: a file of the partner; replay: refused rows of one, read again.';
COMMENT ON COLUMN mart.delivery_reconciliation.replay_of IS 'Of a replay: the delivery whose refused rows it took up.';

CREATE OR REPLACE VIEW mart.open_quarantine WITH (security_barrier) AS
SELECT q.feed, reason, count(*) AS rows, count(DISTINCT q.delivery_id) AS deliveries,
       min(q.first_seen_at) AS oldest, max(q.first_seen_at) AS newest, count(*) FILTER (WHERE q.state = 'poison') AS poison
FROM ops.quarantine q CROSS JOIN LATERAL unnest(q.reasons) AS reason
WHERE q.state IN ('open', 'poison') GROUP BY q.feed, reason;
COMMENT ON COLUMN mart.open_quarantine.poison IS 'Of these rows, those that replays refused as often as the contract allows.';
