BEGIN;

-- One append-only chain of hashes for each tenant. It outlives the tenant, so
-- no foreign key leads to it. The head is the row that the next one is chained
-- to; updating it keeps writers in one line.
CREATE TABLE signet.audit (
    tenant_id     uuid        NOT NULL,
    seq           bigint      NOT NULL CONSTRAINT audit_seq CHECK (seq > 0),
    at            timestamptz NOT NULL,
    actor_kind    text        NOT NULL,
    actor_id      uuid,
    actor_name    text        NOT NULL,
    action        text        NOT NULL,
    subject_kind  text        NOT NULL,
    subject       text        NOT NULL,
    detail        jsonb       NOT NULL,
    request_id    text        NOT NULL,
    previous_hash bytea       NOT NULL,
    hash          bytea       NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (tenant_id, seq)
);
ALTER TABLE signet.audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.audit FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.audit TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT ON signet.audit TO signet_app;

CREATE TABLE signet.audit_heads (
    tenant_id uuid   NOT NULL,
    seq       bigint NOT NULL,
    hash      bytea  NOT NULL,
    CONSTRAINT audit_heads_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE signet.audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.audit_heads TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT ON signet.audit_heads TO signet_app;
GRANT UPDATE (seq, hash) ON signet.audit_heads TO signet_app;

-- The platform's own chain: owners made, sign-ins, hosts bound, tenants deleted.
CREATE TABLE signet.platform_audit (
    seq           bigint      NOT NULL CONSTRAINT platform_audit_seq CHECK (seq > 0),
    at            timestamptz NOT NULL,
    actor_kind    text        NOT NULL,
    actor_id      uuid,
    actor_name    text        NOT NULL,
    action        text        NOT NULL,
    subject_kind  text        NOT NULL,
    subject       text        NOT NULL,
    detail        jsonb       NOT NULL,
    request_id    text        NOT NULL,
    previous_hash bytea       NOT NULL,
    hash          bytea       NOT NULL,
    CONSTRAINT platform_audit_pkey PRIMARY KEY (seq)
);
ALTER TABLE signet.platform_audit ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.platform_audit FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.platform_audit TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.platform_audit TO signet_app;

CREATE TABLE signet.platform_audit_head (
    one  boolean NOT NULL DEFAULT true CONSTRAINT platform_audit_head_one CHECK (one),
    seq  bigint  NOT NULL,
    hash bytea   NOT NULL,
    CONSTRAINT platform_audit_head_pkey PRIMARY KEY (one)
);
ALTER TABLE signet.platform_audit_head ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.platform_audit_head FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.platform_audit_head TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.platform_audit_head TO signet_app;
GRANT UPDATE (seq, hash) ON signet.platform_audit_head TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (5);
COMMIT;
