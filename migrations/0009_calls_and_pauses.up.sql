BEGIN;

-- Calls to WeCom by minute: the budget is what lies in the hour that has just
-- gone by. accepted counts those whose credential WeCom has accepted; they alone
-- add up to the count of a corp over all its tenants. An app may be one that is
-- only being tried, so nothing here leads to the apps.
CREATE TABLE signet.calls (
    tenant_id uuid             NOT NULL,
    corp_id   text COLLATE "C" NOT NULL,
    app_id    uuid             NOT NULL,
    api       text             NOT NULL,
    minute    timestamptz      NOT NULL,
    calls     integer          NOT NULL CONSTRAINT calls_calls CHECK (calls >= 0),
    accepted  integer          NOT NULL CONSTRAINT calls_accepted CHECK (accepted >= 0),
    CONSTRAINT calls_pkey PRIMARY KEY (tenant_id, corp_id, app_id, api, minute)
);
CREATE INDEX calls_of_corp ON signet.calls (corp_id, api, minute);
CREATE INDEX calls_of_minute ON signet.calls (minute);
ALTER TABLE signet.calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.calls FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.calls TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.calls FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT, DELETE ON signet.calls TO signet_app;
GRANT UPDATE (calls, accepted) ON signet.calls TO signet_app;
GRANT SELECT (corp_id, api, minute, accepted) ON signet.calls TO signet_system;

-- Calls that nobody in the cluster makes for a while, after some that brought
-- nothing: of one app (subject is its id) or of a whole corp (subject is '').
-- until is by the database's clock; null: the failures are counted, and nobody is
-- held back yet. code, reason, args and errcode are what a caller is told. An app
-- is not led to: a failure is noted without waiting for whoever changes the app.
CREATE TABLE signet.call_pauses (
    tenant_id uuid             NOT NULL,
    corp_id   text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    api       text             NOT NULL,
    kind      text             NOT NULL CONSTRAINT call_pauses_kind CHECK (kind IN ('unanswered', 'refused', 'token_refused', 'quota')),
    failures  integer          NOT NULL CONSTRAINT call_pauses_failures CHECK (failures > 0),
    code      text             NOT NULL,
    reason    text             NOT NULL,
    args      jsonb            NOT NULL,
    errcode   integer          NOT NULL,
    since     timestamptz      NOT NULL DEFAULT now(),
    until     timestamptz,
    CONSTRAINT call_pauses_pkey PRIMARY KEY (tenant_id, corp_id, subject, api)
);
ALTER TABLE signet.call_pauses ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.call_pauses FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.call_pauses TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.call_pauses FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT, DELETE ON signet.call_pauses TO signet_app;
GRANT UPDATE (kind, failures, code, reason, args, errcode, since, until) ON signet.call_pauses TO signet_app;
GRANT SELECT (tenant_id, code, until) ON signet.call_pauses TO signet_system;

-- What is over is deleted through the platform's door, which sees nothing else
-- of these tables.
CREATE POLICY platform_finds_old ON signet.calls FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND minute < now() - interval '2 hours');
CREATE POLICY platform_trims ON signet.calls FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND minute < now() - interval '2 hours');
CREATE POLICY platform_finds_old ON signet.refused_calls FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND minute < now() - interval '2 hours');
CREATE POLICY platform_trims ON signet.refused_calls FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND minute < now() - interval '2 hours');
CREATE POLICY platform_finds_old ON signet.call_pauses FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND coalesce(until, since) < now() - interval '2 hours');
CREATE POLICY platform_trims ON signet.call_pauses FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND coalesce(until, since) < now() - interval '2 hours');
GRANT DELETE ON signet.refused_calls TO signet_app;

-- For the operators' list of tenants in trouble.
GRANT SELECT (tenant_id) ON signet.refused_calls TO signet_system;
GRANT SELECT (problem) ON signet.app_secrets TO signet_system;
CREATE INDEX app_secrets_problem ON signet.app_secrets (tenant_id) WHERE problem <> '';

INSERT INTO signet.migration_marks (version) VALUES (9);
COMMIT;
