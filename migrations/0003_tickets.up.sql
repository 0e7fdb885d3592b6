BEGIN;

-- The access token and the agent ticket of an app, the corp ticket of a corp.
-- The key is (tenant, kind, subject): the app's id or the corp's. It is never
-- the corp id alone, or tenant B could enter A's corp id and be served A's
-- ticket. generation counts the values; a value is written only over the
-- generation that its writer had read.
CREATE TABLE signet.tickets (
    tenant_id      uuid             NOT NULL,
    kind           text             NOT NULL CONSTRAINT tickets_kind CHECK (kind IN ('access_token', 'corp_ticket', 'agent_ticket')),
    subject        text COLLATE "C" NOT NULL,
    app_id         uuid,
    corp_id        text COLLATE "C",
    generation     bigint           NOT NULL CONSTRAINT tickets_generation CHECK (generation > 0),
    sealed         bytea            NOT NULL,
    key_version    integer          NOT NULL,
    fetched_by     uuid             NOT NULL,
    secret_version integer          NOT NULL,
    fetched_at     timestamptz      NOT NULL,
    expires_at     timestamptz      NOT NULL,
    repeated       boolean          NOT NULL DEFAULT false,
    CONSTRAINT tickets_pkey PRIMARY KEY (tenant_id, kind, subject),
    CONSTRAINT tickets_subject CHECK (CASE kind
        WHEN 'corp_ticket' THEN app_id IS NULL AND corp_id IS NOT NULL AND subject = corp_id
        ELSE corp_id IS NULL AND app_id IS NOT NULL AND subject = app_id::text END),
    CONSTRAINT tickets_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE,
    CONSTRAINT tickets_corp FOREIGN KEY (tenant_id, corp_id) REFERENCES signet.corps (tenant_id, corp_id) ON DELETE CASCADE
);
ALTER TABLE signet.tickets ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.tickets FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.tickets TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT, DELETE ON signet.tickets TO signet_app;
GRANT UPDATE (generation, sealed, key_version, fetched_by, secret_version, fetched_at, expires_at, repeated) ON signet.tickets TO signet_app;

-- Calls that WeCom refused: 2,000 in an hour lock the platform's address out.
CREATE TABLE signet.refused_calls (
    tenant_id uuid        NOT NULL,
    hour      timestamptz NOT NULL,
    api       text        NOT NULL,
    errcode   integer     NOT NULL,
    calls     integer     NOT NULL CONSTRAINT refused_calls_calls CHECK (calls > 0),
    CONSTRAINT refused_calls_pkey PRIMARY KEY (tenant_id, hour, api, errcode)
);
CREATE INDEX refused_calls_of_hour ON signet.refused_calls (hour);
ALTER TABLE signet.refused_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.refused_calls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.refused_calls TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.refused_calls FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT ON signet.refused_calls TO signet_app;
GRANT UPDATE (calls) ON signet.refused_calls TO signet_app;
GRANT SELECT (tenant_id, hour, api, errcode, calls) ON signet.refused_calls TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (3);
COMMIT;
