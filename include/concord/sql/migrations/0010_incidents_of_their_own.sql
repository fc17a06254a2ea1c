-- What on-call was told about a delivery that did not get in is over when a file of its place or a later one is
-- applied: not when an earlier one is, and not when a replay is, for the file itself is still missing then.
CREATE OR REPLACE FUNCTION ops.record_transition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, ops, pg_temp AS $$
DECLARE
    actor text := coalesce(nullif(current_setting('concord.actor', true), ''), session_user);
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.state = OLD.state AND NEW.state_at = OLD.state_at THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' AND NEW.state <> 'discovered' THEN
        RAISE EXCEPTION 'a delivery begins as discovered, not as %', NEW.state USING ERRCODE = 'CC001';
    END IF;
    IF TG_OP = 'UPDATE' AND NOT EXISTS (
        SELECT FROM ops.legal_edge WHERE from_state = OLD.state AND to_state = NEW.state
    ) THEN
        RAISE EXCEPTION 'delivery %: no way from % to %', NEW.delivery_id, OLD.state, NEW.state USING ERRCODE = 'CC001';
    END IF;
    NEW.state_at := clock_timestamp();
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO ops.delivery_event (delivery_id, from_state, to_state, attempt, actor, reason)
        VALUES (NEW.delivery_id, OLD.state, NEW.state, NEW.attempt, actor, NEW.state_reason);
    END IF;
    -- What on-call was told about a delivery is over when it comes to an end that nobody has to mend.
    IF NEW.state IN ('published', 'superseded', 'duplicate', 'compared', 'declined', 'reverted') THEN
        UPDATE ops.incident SET state = 'resolved', resolved_at = clock_timestamp()
        WHERE delivery_id = NEW.delivery_id AND state = 'open';
    ELSIF NEW.state = 'applied' AND NEW.kind = 'delivery' THEN
        UPDATE ops.incident i SET state = 'resolved', resolved_at = clock_timestamp()
        FROM ops.delivery d
        WHERE d.delivery_id = i.delivery_id AND i.feed = NEW.feed AND i.kind IN ('rejected', 'gone') AND i.state = 'open'
          AND (coalesce(d.file_date, '-infinity'), coalesce(d.file_sequence, 0), d.is_resubmission, d.arrival)
              <= (coalesce(NEW.file_date, '-infinity'), coalesce(NEW.file_sequence, 0), NEW.is_resubmission, NEW.arrival);
    END IF;
    RETURN NEW;
END $$;
