-- Views for analysts. They run with their owner's rights, so the analyst role needs no
-- access to core; direct identifiers do not appear, SSNs only as token and last four.

CREATE FUNCTION mart.eligible_members_as_of(on_date date, known timestamptz DEFAULT 'infinity')
RETURNS TABLE (
    partner text, subscriber_id text, person_code text, relationship_code text, birth_year integer, gender_code text,
    state_code text, ssn_token text, ssn_last_four text, group_id text, coverage_line text, plan_code text,
    coverage_tier text, division_code text, effective_from date, effective_to date, end_kind text, delivery_id text,
    line bigint, known_from timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, core AS $$
    SELECT e.partner, e.subscriber_id, e.person_code, m.relationship_code,
           extract(year FROM m.birth_date)::integer, m.gender_code, m.state_code, m.ssn_token, m.ssn_last_four,
           e.group_id, e.coverage_line, e.plan_code, e.coverage_tier, e.division_code, e.effective_from,
           e.effective_to, e.end_kind, e.delivery_id, e.line, e.known_from
    FROM core.eligibility_as_of(on_date, known) e
    LEFT JOIN core.member_known(known) m USING (partner, subscriber_id, person_code)
$$;
COMMENT ON FUNCTION mart.eligible_members_as_of IS
    'Who was covered on a date as known at an instant: select * from mart.eligible_members_as_of(''2026-11-01'', now()).';

CREATE VIEW mart.eligible_member WITH (security_barrier) AS
    SELECT * FROM mart.eligible_members_as_of(current_date);
COMMENT ON VIEW mart.eligible_member IS 'Members covered today, one row per coverage line.';
COMMENT ON COLUMN mart.eligible_member.birth_year IS 'Year of birth only: the date is a direct identifier.';
COMMENT ON COLUMN mart.eligible_member.ssn_token IS 'Keyed token: equal for equal numbers, says nothing about the number.';
COMMENT ON COLUMN mart.eligible_member.ssn_last_four IS 'Last four digits, for a check by telephone.';
COMMENT ON COLUMN mart.eligible_member.effective_to IS 'First day no longer covered; null while coverage goes on.';
COMMENT ON COLUMN mart.eligible_member.end_kind IS 'explicit: said by the partner; inferred: missing from a full file.';
COMMENT ON COLUMN mart.eligible_member.delivery_id IS 'The delivery this version came from; with line, the exact row.';
COMMENT ON COLUMN mart.eligible_member.known_from IS 'Since when this is believed.';

CREATE VIEW mart.delivery_reconciliation WITH (security_barrier) AS
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
       d.drift, p.digest, d.landed_at, d.applied_at
FROM ops.delivery d LEFT JOIN lines l USING (delivery_id) LEFT JOIN newest p USING (delivery_id);
COMMENT ON VIEW mart.delivery_reconciliation IS 'What became of each delivery: every line accounted, every span decided.';
COMMENT ON COLUMN mart.delivery_reconciliation.lines IS 'Physical lines of the file; equals consumed + duplicate + quarantined + ignored + control.';
COMMENT ON COLUMN mart.delivery_reconciliation.spans_in IS 'Coverage spans the delivery states.';
COMMENT ON COLUMN mart.delivery_reconciliation.kept IS 'Spans left as they are although the delivery does not show them, with a reason in the plan.';
COMMENT ON COLUMN mart.delivery_reconciliation.ended_share IS 'Ended spans as a share of the spans held in scope before.';

CREATE VIEW mart.open_quarantine WITH (security_barrier) AS
SELECT q.feed, reason, count(*) AS rows, count(DISTINCT q.delivery_id) AS deliveries,
       min(q.first_seen_at) AS oldest, max(q.first_seen_at) AS newest
FROM ops.quarantine q CROSS JOIN LATERAL unnest(q.reasons) AS reason
WHERE q.state = 'open' GROUP BY q.feed, reason;
COMMENT ON VIEW mart.open_quarantine IS 'Refused rows that wait for a fix, by reason; a row with two reasons counts under both.';

CREATE VIEW mart.feed_freshness WITH (security_barrier) AS
SELECT l.feed, l.partner, max(d.landed_at) AS last_landed_at, max(d.applied_at) AS last_applied_at,
       max(d.file_date) FILTER (WHERE d.applied_at IS NOT NULL) AS newest_applied_file_date,
       count(*) FILTER (WHERE d.state = 'held') AS held, count(*) FILTER (WHERE d.state = 'failed') AS failed,
       clock_timestamp() - max(d.applied_at) AS age
FROM ops.lease l LEFT JOIN ops.delivery d USING (feed) GROUP BY l.feed, l.partner;
COMMENT ON VIEW mart.feed_freshness IS 'How old each feed''s tables are, and what waits.';
COMMENT ON COLUMN mart.feed_freshness.age IS 'Time since the last apply.';

-- Every column says what it holds: a test asks for each.
COMMENT ON COLUMN mart.eligible_member.partner IS 'Who reported the member.';
COMMENT ON COLUMN mart.eligible_member.subscriber_id IS 'The subscriber''s id at the partner; dependents carry the same.';
COMMENT ON COLUMN mart.eligible_member.person_code IS 'Tells the persons of a family apart; 01 is the subscriber.';
COMMENT ON COLUMN mart.eligible_member.relationship_code IS '834 INS02: 18 self, 01 spouse, 19 child, 53 life partner.';
COMMENT ON COLUMN mart.eligible_member.gender_code IS '834 DMG03: F, M, U.';
COMMENT ON COLUMN mart.eligible_member.state_code IS 'State of residence.';
COMMENT ON COLUMN mart.eligible_member.group_id IS 'Group or policy number.';
COMMENT ON COLUMN mart.eligible_member.coverage_line IS '834 HD03: HLT medical, DEN dental, VIS vision, PDG drugs.';
COMMENT ON COLUMN mart.eligible_member.plan_code IS 'Plan.';
COMMENT ON COLUMN mart.eligible_member.coverage_tier IS '834 HD05: EMP, ESP, ECH, FAM.';
COMMENT ON COLUMN mart.eligible_member.division_code IS 'Division, location or department of the employer.';
COMMENT ON COLUMN mart.eligible_member.effective_from IS 'First day covered.';
COMMENT ON COLUMN mart.eligible_member.line IS 'First line of the row in its delivery.';

COMMENT ON COLUMN mart.delivery_reconciliation.feed IS 'The declared stream it belongs to.';
COMMENT ON COLUMN mart.delivery_reconciliation.delivery_id IS 'Short id, as in run ids and commands.';
COMMENT ON COLUMN mart.delivery_reconciliation.file_date IS 'The day the partner''s file speaks of.';
COMMENT ON COLUMN mart.delivery_reconciliation.state IS 'Where it is, or how it ended.';
COMMENT ON COLUMN mart.delivery_reconciliation.state_reason IS 'Why: a stable code or guards, never a value.';
COMMENT ON COLUMN mart.delivery_reconciliation.consumed IS 'Lines of rows that count.';
COMMENT ON COLUMN mart.delivery_reconciliation.duplicate IS 'Lines of rows that repeat another row of the file.';
COMMENT ON COLUMN mart.delivery_reconciliation.quarantined IS 'Lines of refused rows, kept with their reasons.';
COMMENT ON COLUMN mart.delivery_reconciliation.ignored IS 'Lines that say nothing: blank, or coverage that ended long ago.';
COMMENT ON COLUMN mart.delivery_reconciliation.control IS 'Header and trailer lines.';
COMMENT ON COLUMN mart.delivery_reconciliation.unchanged IS 'Spans stated as they are held.';
COMMENT ON COLUMN mart.delivery_reconciliation.added IS 'Spans that were not held.';
COMMENT ON COLUMN mart.delivery_reconciliation.changed IS 'Spans whose attributes differ.';
COMMENT ON COLUMN mart.delivery_reconciliation.corrected IS 'Spans whose start or known end moved.';
COMMENT ON COLUMN mart.delivery_reconciliation.reinstated IS 'Ended spans that go on without a gap.';
COMMENT ON COLUMN mart.delivery_reconciliation.ended IS 'Open spans that end, told or inferred.';
COMMENT ON COLUMN mart.delivery_reconciliation.pending_end IS 'Missing spans whose end waits for further absences.';
COMMENT ON COLUMN mart.delivery_reconciliation.voided IS 'Spans that were never covered after all.';
COMMENT ON COLUMN mart.delivery_reconciliation.quarantined_share IS 'Quarantined lines as a share of all lines.';
COMMENT ON COLUMN mart.delivery_reconciliation.lines_balance IS 'balanced: every line has exactly one disposition.';
COMMENT ON COLUMN mart.delivery_reconciliation.spans_balance IS 'balanced: every stated and every held span has exactly one decision.';
COMMENT ON COLUMN mart.delivery_reconciliation.drift IS 'How the header differs from the contract: extra columns (how many), optional ones that are missing, order.';
COMMENT ON COLUMN mart.delivery_reconciliation.digest IS 'Of the newest plan: what a person approves.';
COMMENT ON COLUMN mart.delivery_reconciliation.landed_at IS 'When it was sealed in landing.';
COMMENT ON COLUMN mart.delivery_reconciliation.applied_at IS 'When its changes became known.';

COMMENT ON COLUMN mart.open_quarantine.feed IS 'The declared stream the rows came in.';
COMMENT ON COLUMN mart.open_quarantine.reason IS 'Stable code: column and rule.';
COMMENT ON COLUMN mart.open_quarantine.rows IS 'Rows with this reason.';
COMMENT ON COLUMN mart.open_quarantine.deliveries IS 'Deliveries they came in.';
COMMENT ON COLUMN mart.open_quarantine.oldest IS 'When the first of them was refused.';
COMMENT ON COLUMN mart.open_quarantine.newest IS 'When the last of them was refused.';

COMMENT ON COLUMN mart.feed_freshness.feed IS 'The declared stream.';
COMMENT ON COLUMN mart.feed_freshness.partner IS 'Who sends it.';
COMMENT ON COLUMN mart.feed_freshness.last_landed_at IS 'When a delivery last arrived.';
COMMENT ON COLUMN mart.feed_freshness.last_applied_at IS 'When the tables last changed by it.';
COMMENT ON COLUMN mart.feed_freshness.newest_applied_file_date IS 'The day the tables speak of.';
COMMENT ON COLUMN mart.feed_freshness.held IS 'Deliveries that wait for a person.';
COMMENT ON COLUMN mart.feed_freshness.failed IS 'Deliveries that ran out of retries and may be opened again.';
