-- Who may do what. Nothing is granted to PUBLIC; the loader appends to audit only through its function.

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ops, core, mart FROM PUBLIC;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

GRANT USAGE ON SCHEMA ops, core, mart TO concord_loader;
GRANT USAGE, CREATE ON SCHEMA stage TO concord_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA core TO concord_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ops TO concord_loader;
GRANT SELECT ON ALL TABLES IN SCHEMA mart TO concord_loader;
REVOKE ALL ON ops.audit FROM concord_loader;
REVOKE INSERT, UPDATE, DELETE ON ops.state, ops.legal_edge, ops.delivery_event FROM concord_loader;
REVOKE UPDATE, DELETE ON ops.decision, ops.endorsement, ops.outbox FROM concord_loader;
GRANT UPDATE (state, sent_at) ON ops.outbox TO concord_loader;
REVOKE DELETE ON ops.delivery, ops.lease, ops.incident FROM concord_loader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ops, core, mart TO concord_loader;

GRANT USAGE ON SCHEMA mart TO concord_analyst;
GRANT SELECT ON ALL TABLES IN SCHEMA mart TO concord_analyst;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA mart TO concord_analyst;

GRANT USAGE ON SCHEMA ops TO concord_auditor;
GRANT SELECT ON ops.audit TO concord_auditor;
