BEGIN;

-- The keys that vouch for audit rows and sign checkpoints, sealed under the platform's
-- scope key. The first one says, signed, how far each chain went before there was a
-- key: no row behind that is accepted without a mac.
CREATE TABLE signet.audit_keys (
    key_id      text        NOT NULL,
    public_key  bytea       NOT NULL,
    sealed      bytea       NOT NULL,
    key_version integer     NOT NULL,
    beginning   text        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_keys_pkey PRIMARY KEY (key_id)
);
ALTER TABLE signet.audit_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.audit_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.audit_keys TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.audit_keys TO signet_app;
GRANT UPDATE (sealed, key_version) ON signet.audit_keys TO signet_app;

-- HMAC of the row's hash, and the key it was made with. Both are NULL in rows from
-- before there was a key, and where a command without the identity file wrote one.
ALTER TABLE signet.audit ADD COLUMN mac bytea, ADD COLUMN mac_key text;
ALTER TABLE signet.platform_audit ADD COLUMN mac bytea, ADD COLUMN mac_key text;

-- Which chains there are, and how far they go: for checkpoints and `audit verify`.
CREATE POLICY system_reads ON signet.audit FOR SELECT TO signet_system USING (true);
CREATE POLICY system_reads ON signet.audit_heads FOR SELECT TO signet_system USING (true);
CREATE POLICY system_reads ON signet.platform_audit_head FOR SELECT TO signet_system USING (true);
GRANT SELECT (tenant_id) ON signet.audit TO signet_system;
GRANT SELECT (tenant_id, seq, hash) ON signet.audit_heads TO signet_system;
GRANT SELECT (seq, hash) ON signet.platform_audit_head TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (19);
COMMIT;
