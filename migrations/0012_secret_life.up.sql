BEGIN;

-- The life of a secret. activation is the app's count of activations when the
-- version became current last; the audit keeps it as well, so that an older row
-- put back whole is noticed.
ALTER TABLE signet.app_secrets
    ADD COLUMN activated_at timestamptz,
    ADD COLUMN moved_at     timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN fell_back    boolean     NOT NULL DEFAULT false,
    ADD COLUMN activate_at  timestamptz,
    ADD COLUMN try_after    timestamptz,
    ADD CONSTRAINT app_secrets_activate_at CHECK (activate_at IS NULL OR state = 'pending');
ALTER TABLE signet.app_secrets NO FORCE ROW LEVEL SECURITY; -- it binds the owner too, who would see no row
UPDATE signet.app_secrets SET moved_at = created_at, activated_at = CASE WHEN activation > 0 THEN created_at END;
ALTER TABLE signet.app_secrets FORCE ROW LEVEL SECURITY;
CREATE INDEX app_secrets_due ON signet.app_secrets (activate_at) WHERE activate_at IS NOT NULL;
CREATE INDEX app_secrets_superseded ON signet.app_secrets (moved_at) WHERE state = 'previous';
GRANT UPDATE (sealed, activation, activated_at, moved_at, fell_back, activate_at, try_after) ON signet.app_secrets TO signet_app;
GRANT SELECT (created_at, moved_at, activate_at, try_after) ON signet.app_secrets TO signet_system;
GRANT SELECT (name) ON signet.apps TO signet_system;
CREATE INDEX audit_of_subject ON signet.audit (tenant_id, subject, seq DESC);

-- What a trial of a pending secret has fetched, until it is used after the switch.
CREATE TABLE signet.trial_grants (
    tenant_id   uuid        NOT NULL,
    app_id      uuid        NOT NULL,
    version     integer     NOT NULL,
    kind        text        NOT NULL CONSTRAINT trial_grants_kind CHECK (kind IN ('access_token', 'agent_ticket')),
    sealed      bytea       NOT NULL,
    key_version integer     NOT NULL,
    fetched_at  timestamptz NOT NULL,
    CONSTRAINT trial_grants_pkey PRIMARY KEY (tenant_id, app_id, version, kind),
    CONSTRAINT trial_grants_secret FOREIGN KEY (tenant_id, app_id, version) REFERENCES signet.app_secrets (tenant_id, app_id, version) ON DELETE CASCADE
);
ALTER TABLE signet.trial_grants ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.trial_grants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.trial_grants TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT, DELETE ON signet.trial_grants TO signet_app;

-- How many days old a tenant's secrets may become; NULL: no policy.
ALTER TABLE signet.tenants
    ADD COLUMN secret_max_age_days integer CONSTRAINT tenants_secret_max_age CHECK (secret_max_age_days BETWEEN 1 AND 3650);
GRANT UPDATE (secret_max_age_days) ON signet.tenants TO signet_app;
GRANT SELECT (secret_max_age_days) ON signet.tenants TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (12);
COMMIT;
