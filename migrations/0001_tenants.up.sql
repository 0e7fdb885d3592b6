BEGIN;

CREATE SCHEMA signet;
GRANT USAGE ON SCHEMA signet TO signet_app, signet_system;

-- One row for each migration that has run, written in its own transaction.
CREATE TABLE signet.migration_marks (
    version    bigint      PRIMARY KEY,
    applied_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON signet.migration_marks TO signet_app, signet_system;

-- Every table of a tenant begins with tenant_id and carries the same policy:
-- signet_app sees the rows of the tenant named by the setting signet.tenant of
-- its transaction, and none without it. nullif, because after a transaction
-- the setting is '' and not NULL. signet_system has policies of its own, for
-- reading only, and no grant on a sealed column.

CREATE TABLE signet.tenants (
    tenant_id  uuid        NOT NULL,
    name       text        NOT NULL CONSTRAINT tenants_name CHECK (char_length(name) BETWEEN 1 AND 80),
    status     text        NOT NULL DEFAULT 'active' CONSTRAINT tenants_status CHECK (status IN ('active', 'suspended')),
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id)
);
CREATE INDEX tenants_newest ON signet.tenants (created_at DESC, tenant_id DESC);
ALTER TABLE signet.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.tenants TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.tenants FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT, DELETE ON signet.tenants TO signet_app;
GRANT UPDATE (name, status, version, updated_at) ON signet.tenants TO signet_app;
GRANT SELECT (tenant_id, name, status, version, created_at, updated_at) ON signet.tenants TO signet_system;

-- Corp ids are compared byte for byte: encrypted ones are case-sensitive.
CREATE TABLE signet.corps (
    tenant_id  uuid             NOT NULL,
    corp_id    text COLLATE "C" NOT NULL CONSTRAINT corps_corp_id CHECK (length(corp_id) BETWEEN 4 AND 64),
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT corps_pkey PRIMARY KEY (tenant_id, corp_id),
    CONSTRAINT corps_tenant FOREIGN KEY (tenant_id) REFERENCES signet.tenants (tenant_id) ON DELETE CASCADE
);
ALTER TABLE signet.corps ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.corps FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.corps TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.corps FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT ON signet.corps TO signet_app;
GRANT SELECT (tenant_id, corp_id, created_at) ON signet.corps TO signet_system;

-- app_key is 128 random bits, so its index over all tenants betrays nothing.
CREATE TABLE signet.apps (
    tenant_id  uuid             NOT NULL,
    app_id     uuid             NOT NULL,
    corp_id    text COLLATE "C" NOT NULL,
    agent_id   text COLLATE "C" NOT NULL CONSTRAINT apps_agent_id CHECK (agent_id ~ '^[1-9][0-9]{0,9}$'),
    app_key    bytea            NOT NULL CONSTRAINT apps_app_key_length CHECK (length(app_key) = 16),
    name       text             NOT NULL CONSTRAINT apps_name CHECK (char_length(name) BETWEEN 1 AND 80),
    kind       text             NOT NULL CONSTRAINT apps_kind CHECK (kind IN ('self_built', 'customised', 'third_party')),
    status     text             NOT NULL DEFAULT 'active' CONSTRAINT apps_status CHECK (status IN ('active', 'suspended')),
    allow_http boolean          NOT NULL DEFAULT false,
    activation bigint           NOT NULL DEFAULT 0,
    version    bigint           NOT NULL DEFAULT 1,
    created_at timestamptz      NOT NULL DEFAULT now(),
    updated_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT apps_pkey PRIMARY KEY (tenant_id, app_id),
    CONSTRAINT apps_agent UNIQUE (tenant_id, corp_id, agent_id),
    CONSTRAINT apps_app_key UNIQUE (app_key),
    CONSTRAINT apps_corp FOREIGN KEY (tenant_id, corp_id) REFERENCES signet.corps (tenant_id, corp_id) ON DELETE CASCADE
);
ALTER TABLE signet.apps ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.apps FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.apps TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.apps FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT, DELETE ON signet.apps TO signet_app;
GRANT UPDATE (name, status, allow_http, activation, version, updated_at) ON signet.apps TO signet_app;
GRANT SELECT (tenant_id, app_id, corp_id, agent_id, app_key, name, kind, status, allow_http, activation, version, created_at, updated_at)
    ON signet.apps TO signet_system;

-- sealed is the secret under the tenant's key, bound to tenant, app and version.
CREATE TABLE signet.app_secrets (
    tenant_id    uuid        NOT NULL,
    app_id       uuid        NOT NULL,
    version      integer     NOT NULL CONSTRAINT app_secrets_version CHECK (version > 0),
    state        text        NOT NULL CONSTRAINT app_secrets_state CHECK (state IN ('pending', 'current', 'previous', 'retired', 'destroyed')),
    activation   bigint      NOT NULL DEFAULT 0,
    fingerprint  text        NOT NULL,
    sealed       bytea,
    key_version  integer     NOT NULL,
    checked_at   timestamptz,
    problem      text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT app_secrets_pkey PRIMARY KEY (tenant_id, app_id, version),
    CONSTRAINT app_secrets_destroyed CHECK ((state = 'destroyed') = (sealed IS NULL)),
    CONSTRAINT app_secrets_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX app_secrets_one_pending  ON signet.app_secrets (tenant_id, app_id) WHERE state = 'pending';
CREATE UNIQUE INDEX app_secrets_one_current  ON signet.app_secrets (tenant_id, app_id) WHERE state = 'current';
CREATE UNIQUE INDEX app_secrets_one_previous ON signet.app_secrets (tenant_id, app_id) WHERE state = 'previous';
ALTER TABLE signet.app_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.app_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.app_secrets TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.app_secrets FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT ON signet.app_secrets TO signet_app;
GRANT UPDATE (state, checked_at, problem) ON signet.app_secrets TO signet_app;
GRANT SELECT (tenant_id, app_id, version, state, problem) ON signet.app_secrets TO signet_system;

CREATE TABLE signet.trusted_domains (
    tenant_id  uuid             NOT NULL,
    domain_id  uuid             NOT NULL,
    app_id     uuid             NOT NULL,
    host       text COLLATE "C" NOT NULL CONSTRAINT trusted_domains_host_length CHECK (length(host) BETWEEN 3 AND 264),
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT trusted_domains_pkey PRIMARY KEY (tenant_id, domain_id),
    CONSTRAINT trusted_domains_host UNIQUE (tenant_id, app_id, host),
    CONSTRAINT trusted_domains_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE
);
ALTER TABLE signet.trusted_domains ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.trusted_domains FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.trusted_domains TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.trusted_domains FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT, DELETE ON signet.trusted_domains TO signet_app;
GRANT SELECT (tenant_id, domain_id, app_id, host, created_at) ON signet.trusted_domains TO signet_system;

-- A host that pages of the original program call from without naming an app.
-- It belongs to the platform: a host is bound once, by an operator. signet_app
-- reaches it only through the platform door (setting signet.platform).
CREATE TABLE signet.legacy_hosts (
    host       text COLLATE "C" NOT NULL CONSTRAINT legacy_hosts_host_length CHECK (length(host) BETWEEN 3 AND 264),
    tenant_id  uuid             NOT NULL,
    app_id     uuid             NOT NULL,
    created_at timestamptz      NOT NULL DEFAULT now(),
    CONSTRAINT legacy_hosts_pkey PRIMARY KEY (host),
    CONSTRAINT legacy_hosts_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE
);
CREATE INDEX legacy_hosts_of_app ON signet.legacy_hosts (tenant_id, app_id);
ALTER TABLE signet.legacy_hosts ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.legacy_hosts FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.legacy_hosts TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY system_reads ON signet.legacy_hosts FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT, DELETE ON signet.legacy_hosts TO signet_app;
GRANT SELECT (host, tenant_id, app_id, created_at) ON signet.legacy_hosts TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (1);
COMMIT;
