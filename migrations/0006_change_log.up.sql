BEGIN;

-- What changed, for the nodes that hold apps in memory. Written in the
-- transaction of the change; xid is what a reader holds against the snapshots
-- of two readings to tell what is new (store/feed.go).
CREATE TABLE signet.change_log (
    seq       bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    xid       xid8        NOT NULL DEFAULT pg_current_xact_id(),
    tenant_id uuid        NOT NULL,
    kind      text        NOT NULL CONSTRAINT change_log_kind CHECK (kind IN ('tenant', 'app', 'secret', 'legacy_host')),
    app_id    uuid,
    app_key   bytea,
    host      text,
    at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT change_log_pkey PRIMARY KEY (seq)
);
CREATE INDEX change_log_order ON signet.change_log (xid, seq);
ALTER TABLE signet.change_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.change_log FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.change_log TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid)
        OR (SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY system_reads ON signet.change_log FOR SELECT TO signet_system USING (true);
GRANT INSERT (tenant_id, kind, app_id, app_key, host) ON signet.change_log TO signet_app;
GRANT SELECT (seq) ON signet.change_log TO signet_app;
GRANT SELECT (seq, xid, tenant_id, kind, app_id, app_key, host, at) ON signet.change_log TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (6);
COMMIT;
