BEGIN;

-- A one-time address with which somebody outside hands an app's secret in. Only the
-- hash of what stands in the address is kept. A used one says which version came
-- of it.
CREATE TABLE signet.intake_links (
    tenant_id    uuid        NOT NULL,
    link_id      uuid        NOT NULL,
    app_id       uuid        NOT NULL,
    token_hash   bytea       NOT NULL CONSTRAINT intake_links_token_hash CHECK (length(token_hash) = 32),
    made_by      text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz,
    used_version integer,
    revoked_at   timestamptz,
    refused      integer     NOT NULL DEFAULT 0,
    CONSTRAINT intake_links_pkey PRIMARY KEY (tenant_id, link_id),
    CONSTRAINT intake_links_one_end CHECK (used_at IS NULL OR revoked_at IS NULL),
    CONSTRAINT intake_links_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE
);
CREATE INDEX intake_links_of_app ON signet.intake_links (tenant_id, app_id, created_at DESC);
ALTER TABLE signet.intake_links ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.intake_links FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.intake_links TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT ON signet.intake_links TO signet_app;
GRANT UPDATE (used_at, used_version, revoked_at, refused) ON signet.intake_links TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (15);
COMMIT;
