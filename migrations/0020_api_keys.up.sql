BEGIN;

-- What a server shows to act in a tenant. Only hashes of it are kept: token_hash is
-- what the console knows it by; sign_hash, made of the same text in another way and
-- there for keys of the scope pages.sign alone, is what every node holds in memory. A
-- key may be bound to one app.
CREATE TABLE signet.api_keys (
    tenant_id         uuid        NOT NULL,
    key_id            uuid        NOT NULL,
    name              text        NOT NULL CONSTRAINT api_keys_name CHECK (char_length(name) BETWEEN 1 AND 80),
    prefix            text        NOT NULL CONSTRAINT api_keys_prefix CHECK (char_length(prefix) BETWEEN 8 AND 20),
    token_hash        bytea       NOT NULL CONSTRAINT api_keys_token_hash CHECK (length(token_hash) = 32),
    sign_hash         bytea       CONSTRAINT api_keys_sign_hash CHECK (length(sign_hash) = 32),
    scopes            text[]      NOT NULL CONSTRAINT api_keys_scopes CHECK (cardinality(scopes) BETWEEN 1 AND 40),
    app_id            uuid,
    made_by           text        NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz NOT NULL,
    last_used_at      timestamptz,
    last_used_network text        NOT NULL DEFAULT '',
    revoked_at        timestamptz,
    replaced_by       uuid,
    overlap_until     timestamptz,
    CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, key_id),
    CONSTRAINT api_keys_expires_at CHECK (expires_at <= created_at + interval '367 days'),
    CONSTRAINT api_keys_replaced CHECK ((replaced_by IS NULL) = (overlap_until IS NULL)),
    CONSTRAINT api_keys_signs CHECK ((sign_hash IS NOT NULL) = ('pages.sign' = ANY (scopes))),
    CONSTRAINT api_keys_tenant FOREIGN KEY (tenant_id) REFERENCES signet.tenants (tenant_id) ON DELETE CASCADE,
    CONSTRAINT api_keys_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE
);
CREATE INDEX api_keys_newest ON signet.api_keys (tenant_id, created_at DESC, key_id DESC);
CREATE INDEX api_keys_ended ON signet.api_keys (least(revoked_at, overlap_until, expires_at));
ALTER TABLE signet.api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.api_keys TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.api_keys FOR SELECT TO signet_system USING (true);
-- A key stays for 90 days after its end, the audit for longer.
CREATE POLICY platform_finds_old ON signet.api_keys FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND least(revoked_at, overlap_until, expires_at) < now() - interval '90 days');
CREATE POLICY platform_trims ON signet.api_keys FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND least(revoked_at, overlap_until, expires_at) < now() - interval '90 days');
CREATE POLICY age_bound ON signet.api_keys AS RESTRICTIVE FOR DELETE TO signet_app
    USING (least(revoked_at, overlap_until, expires_at) < now() - interval '90 days');
GRANT SELECT, INSERT, DELETE ON signet.api_keys TO signet_app;
GRANT UPDATE (last_used_at, last_used_network, revoked_at, replaced_by, overlap_until) ON signet.api_keys TO signet_app;
GRANT SELECT (tenant_id, key_id, sign_hash, app_id, expires_at, revoked_at, overlap_until) ON signet.api_keys TO signet_system;

-- An app for servers: its pages are signed for who shows an API key.
ALTER TABLE signet.apps ADD COLUMN server_only boolean NOT NULL DEFAULT false;
GRANT UPDATE (server_only) ON signet.apps TO signet_app;
GRANT SELECT (server_only) ON signet.apps TO signet_system;

ALTER TABLE signet.change_log DROP CONSTRAINT change_log_kind;
ALTER TABLE signet.change_log ADD CONSTRAINT change_log_kind CHECK (kind IN ('tenant', 'app', 'secret', 'legacy_host', 'ticket', 'api_key'));

INSERT INTO signet.migration_marks (version) VALUES (20);
COMMIT;
