BEGIN;

-- People. A member may belong to the platform, to tenants, or both; so members
-- and their sessions are the platform's and reached by its door only.
CREATE TABLE signet.members (
    member_id     uuid        NOT NULL,
    email         text        NOT NULL CONSTRAINT members_email_form CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    password_hash text        NOT NULL,
    platform_role text        CONSTRAINT members_platform_role CHECK (platform_role IN ('platform_owner', 'platform_operator', 'platform_auditor')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT members_pkey PRIMARY KEY (member_id),
    CONSTRAINT members_email UNIQUE (email)
);
ALTER TABLE signet.members ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.members FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.members TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.members TO signet_app;
GRANT UPDATE (password_hash) ON signet.members TO signet_app;

CREATE TABLE signet.memberships (
    tenant_id  uuid        NOT NULL,
    member_id  uuid        NOT NULL,
    role       text        NOT NULL CONSTRAINT memberships_role CHECK (role IN ('tenant_owner', 'tenant_admin', 'tenant_viewer')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, member_id),
    CONSTRAINT memberships_tenant FOREIGN KEY (tenant_id) REFERENCES signet.tenants (tenant_id) ON DELETE CASCADE,
    CONSTRAINT memberships_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE INDEX memberships_of_member ON signet.memberships (member_id);
ALTER TABLE signet.memberships ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.memberships FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.memberships TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.memberships FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT ON signet.memberships TO signet_app;
GRANT SELECT (tenant_id, member_id, role) ON signet.memberships TO signet_system;

CREATE TABLE signet.sessions (
    session_id uuid        NOT NULL,
    member_id  uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    CONSTRAINT sessions_pkey PRIMARY KEY (session_id),
    CONSTRAINT sessions_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE INDEX sessions_of_member ON signet.sessions (member_id);
ALTER TABLE signet.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.sessions TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.sessions TO signet_app;
GRANT UPDATE (ended_at) ON signet.sessions TO signet_app;

-- Each refresh token of a session, hashed. One that comes back after its use
-- was stolen from one side or the other: the session ends.
CREATE TABLE signet.refresh_tokens (
    token_hash bytea       NOT NULL CONSTRAINT refresh_tokens_hash_length CHECK (length(token_hash) = 32),
    session_id uuid        NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (token_hash),
    CONSTRAINT refresh_tokens_session FOREIGN KEY (session_id) REFERENCES signet.sessions (session_id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_session ON signet.refresh_tokens (session_id);
ALTER TABLE signet.refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.refresh_tokens TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.refresh_tokens TO signet_app;
GRANT UPDATE (used_at) ON signet.refresh_tokens TO signet_app;

-- The keys that sign access tokens, sealed under the platform's scope key.
CREATE TABLE signet.session_keys (
    key_id      text        NOT NULL,
    public_key  bytea       NOT NULL,
    sealed      bytea       NOT NULL,
    key_version integer     NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT session_keys_pkey PRIMARY KEY (key_id)
);
ALTER TABLE signet.session_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.session_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.session_keys TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.session_keys TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (4);
COMMIT;
