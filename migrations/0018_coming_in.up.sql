BEGIN;

-- How people come in. A member may have no password, where another way is theirs.
ALTER TABLE signet.members ALTER COLUMN password_hash DROP NOT NULL;

-- A tenant may want a second factor of its members.
ALTER TABLE signet.tenants ADD COLUMN second_factor_required boolean NOT NULL DEFAULT false;
GRANT UPDATE (second_factor_required) ON signet.tenants TO signet_app;
GRANT SELECT (second_factor_required) ON signet.tenants TO signet_system;

-- What a session was begun with, where from, and when its member proved last who
-- they are. One that was begun through a tenant's own WeCom holds in that tenant
-- alone: who administers that corp says there who is who.
ALTER TABLE signet.sessions
    ADD COLUMN begun_with    text        NOT NULL DEFAULT 'password',
    ADD COLUMN second_factor boolean     NOT NULL DEFAULT false,
    ADD COLUMN proved_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN client        text        NOT NULL DEFAULT '',
    ADD COLUMN agent         text        NOT NULL DEFAULT '',
    ADD COLUMN refreshed_at  timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN only_tenant   uuid;
GRANT UPDATE (proved_at, second_factor, client, agent, refreshed_at) ON signet.sessions TO signet_app;

-- Second factors and passkeys. What proves one is sealed under the platform's key:
-- the seed of a TOTP, the record of a passkey. One that was removed has nothing
-- sealed any more.
CREATE TABLE signet.factors (
    factor_id       uuid        NOT NULL,
    member_id       uuid        NOT NULL,
    kind            text        NOT NULL CONSTRAINT factors_kind CHECK (kind IN ('totp', 'passkey')),
    name            text        NOT NULL,
    sealed          bytea,
    key_version     integer     NOT NULL,
    credential_hash bytea       CONSTRAINT factors_credential_hash_length CHECK (length(credential_hash) = 32),
    created_at      timestamptz NOT NULL DEFAULT now(),
    confirmed_at    timestamptz,
    used_at         timestamptz,
    used_step       bigint      NOT NULL DEFAULT 0,
    sign_count      bigint      NOT NULL DEFAULT 0,
    removed_at      timestamptz,
    CONSTRAINT factors_pkey PRIMARY KEY (factor_id),
    CONSTRAINT factors_removed CHECK ((removed_at IS NULL) = (sealed IS NOT NULL)),
    CONSTRAINT factors_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE INDEX factors_of_member ON signet.factors (member_id);
CREATE UNIQUE INDEX factors_credential ON signet.factors (credential_hash) WHERE removed_at IS NULL;
ALTER TABLE signet.factors ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.factors FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.factors TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.factors TO signet_app;
GRANT UPDATE (sealed, key_version, confirmed_at, used_at, used_step, sign_count, removed_at) ON signet.factors TO signet_app;

-- Codes for who has lost their second factor, hashed; each is good once.
CREATE TABLE signet.recovery_codes (
    member_id   uuid        NOT NULL,
    code_hash   bytea       NOT NULL CONSTRAINT recovery_codes_hash_length CHECK (length(code_hash) = 32),
    created_at  timestamptz NOT NULL DEFAULT now(),
    used_at     timestamptz,
    replaced_at timestamptz,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (member_id, code_hash),
    CONSTRAINT recovery_codes_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
ALTER TABLE signet.recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.recovery_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.recovery_codes TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet.recovery_codes TO signet_app;
GRANT UPDATE (used_at, replaced_at) ON signet.recovery_codes TO signet_app;

-- A step on the way in that waits for the next: the password was right and the
-- second factor is asked for, a passkey's answer is due. Known by the hash of what
-- the browser holds; used once, by any node.
CREATE TABLE signet.ceremonies (
    token_hash bytea       NOT NULL CONSTRAINT ceremonies_hash_length CHECK (length(token_hash) = 32),
    kind       text        NOT NULL,
    member_id  uuid,
    session_id uuid,
    data       jsonb       NOT NULL,
    tries      integer     NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    CONSTRAINT ceremonies_pkey PRIMARY KEY (token_hash),
    CONSTRAINT ceremonies_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE INDEX ceremonies_expiry ON signet.ceremonies (expires_at);
ALTER TABLE signet.ceremonies ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.ceremonies FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.ceremonies TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY age_bound ON signet.ceremonies AS RESTRICTIVE FOR DELETE TO signet_app
    USING (expires_at < now() - interval '1 hour');
GRANT SELECT, INSERT, DELETE ON signet.ceremonies TO signet_app;
GRANT UPDATE (tries, used_at) ON signet.ceremonies TO signet_app;

-- The browsers in which a member has come in, hashed. From one of them they come in
-- however many guess at their address elsewhere.
CREATE TABLE signet.devices (
    device_hash bytea       NOT NULL CONSTRAINT devices_hash_length CHECK (length(device_hash) = 32),
    member_id   uuid        NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    used_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT devices_pkey PRIMARY KEY (device_hash, member_id),
    CONSTRAINT devices_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
CREATE INDEX devices_used ON signet.devices (used_at);
ALTER TABLE signet.devices ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.devices FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.devices TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY age_bound ON signet.devices AS RESTRICTIVE FOR DELETE TO signet_app
    USING (used_at < now() - interval '180 days');
GRANT SELECT, INSERT, DELETE ON signet.devices TO signet_app;
GRANT UPDATE (used_at) ON signet.devices TO signet_app;

-- How much of an allowance for tries is used up, for all nodes together: when the
-- whole of it will be there again. Whose it is stands in the hash alone.
CREATE TABLE signet.tries (
    key_hash bytea       NOT NULL CONSTRAINT tries_hash_length CHECK (length(key_hash) = 32),
    full_at  timestamptz NOT NULL,
    CONSTRAINT tries_pkey PRIMARY KEY (key_hash)
);
CREATE INDEX tries_full ON signet.tries (full_at);
ALTER TABLE signet.tries ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.tries FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.tries TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY age_bound ON signet.tries AS RESTRICTIVE FOR DELETE TO signet_app
    USING (full_at < now() - interval '1 hour');
GRANT SELECT, INSERT, DELETE ON signet.tries TO signet_app;
GRANT UPDATE (full_at) ON signet.tries TO signet_app;

-- A key that signs access tokens is put aside when the next has come, and trusted
-- until the last token that it has signed is over.
ALTER TABLE signet.session_keys ADD COLUMN trusted_until timestamptz;
GRANT UPDATE (trusted_until) ON signet.session_keys TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (18);
COMMIT;
