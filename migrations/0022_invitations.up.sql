BEGIN;

-- Who belongs to a tenant changes: a role is given and taken, a member is removed.
ALTER TABLE signet.memberships ADD COLUMN version bigint NOT NULL DEFAULT 1;
GRANT UPDATE (role, version) ON signet.memberships TO signet_app;
GRANT DELETE ON signet.memberships TO signet_app;

-- So does who the platform's people are. The version counts the changes of that role.
ALTER TABLE signet.members ADD COLUMN role_version bigint NOT NULL DEFAULT 1;
GRANT UPDATE (platform_role, role_version) ON signet.members TO signet_app;

-- A one-time link by which a person becomes a member of a tenant. Only the hash of
-- what stands in its address is kept.
CREATE TABLE signet.invitations (
    tenant_id  uuid        NOT NULL,
    link_id    uuid        NOT NULL,
    email      text        NOT NULL CONSTRAINT invitations_email_form CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    role       text        NOT NULL CONSTRAINT invitations_role CHECK (role IN ('tenant_owner', 'tenant_admin', 'tenant_viewer')),
    token_hash bytea       NOT NULL CONSTRAINT invitations_token_hash CHECK (length(token_hash) = 32),
    made_by    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz,
    CONSTRAINT invitations_pkey PRIMARY KEY (tenant_id, link_id),
    CONSTRAINT invitations_one_end CHECK (used_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT invitations_tenant FOREIGN KEY (tenant_id) REFERENCES signet.tenants (tenant_id) ON DELETE CASCADE
);
CREATE INDEX invitations_of_tenant ON signet.invitations (tenant_id, created_at DESC);
CREATE INDEX invitations_ended ON signet.invitations (coalesce(used_at, revoked_at, expires_at));
ALTER TABLE signet.invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.invitations TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY platform_finds_old ON signet.invitations FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
CREATE POLICY platform_trims ON signet.invitations FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
CREATE POLICY age_bound ON signet.invitations AS RESTRICTIVE FOR DELETE TO signet_app
    USING (coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
GRANT SELECT, INSERT, DELETE ON signet.invitations TO signet_app;
GRANT UPDATE (used_at, revoked_at) ON signet.invitations TO signet_app;

-- The same for the people of the platform.
CREATE TABLE signet.platform_invitations (
    link_id    uuid        NOT NULL,
    email      text        NOT NULL CONSTRAINT platform_invitations_email_form CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    role       text        NOT NULL CONSTRAINT platform_invitations_role CHECK (role IN ('platform_owner', 'platform_operator', 'platform_auditor')),
    token_hash bytea       NOT NULL CONSTRAINT platform_invitations_token_hash CHECK (length(token_hash) = 32),
    made_by    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz,
    CONSTRAINT platform_invitations_pkey PRIMARY KEY (link_id),
    CONSTRAINT platform_invitations_one_end CHECK (used_at IS NULL OR revoked_at IS NULL)
);
CREATE INDEX platform_invitations_ended ON signet.platform_invitations (coalesce(used_at, revoked_at, expires_at));
ALTER TABLE signet.platform_invitations ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.platform_invitations FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.platform_invitations TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY age_bound ON signet.platform_invitations AS RESTRICTIVE FOR DELETE TO signet_app
    USING (coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
GRANT SELECT, INSERT, DELETE ON signet.platform_invitations TO signet_app;
GRANT UPDATE (used_at, revoked_at) ON signet.platform_invitations TO signet_app;

-- A one-time link by which a member chooses a new password. A stranger who names an
-- address that nobody has leaves a row without a member, so that asking takes the
-- same work. The tenant is the one whose owner made the link, if one did.
CREATE TABLE signet.resets (
    link_id    uuid        NOT NULL,
    member_id  uuid,
    tenant_id  uuid,
    factors    boolean     NOT NULL,
    token_hash bytea       NOT NULL CONSTRAINT resets_token_hash CHECK (length(token_hash) = 32),
    made_by    text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    revoked_at timestamptz,
    CONSTRAINT resets_pkey PRIMARY KEY (link_id),
    CONSTRAINT resets_one_end CHECK (used_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT resets_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE INDEX resets_of_member ON signet.resets (member_id);
CREATE INDEX resets_ended ON signet.resets (coalesce(used_at, revoked_at, expires_at));
ALTER TABLE signet.resets ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.resets FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.resets TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY age_bound ON signet.resets AS RESTRICTIVE FOR DELETE TO signet_app
    USING (coalesce(used_at, revoked_at, expires_at) < now() - interval '7 days');
GRANT SELECT, INSERT, DELETE ON signet.resets TO signet_app;
GRANT UPDATE (used_at, revoked_at) ON signet.resets TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (22);
COMMIT;
