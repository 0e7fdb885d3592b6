BEGIN;

-- The first answers to calls that make something, for who repeats them under the same
-- Idempotency-Key. answer is made of who called and of the key; request is a hash of
-- what was asked for. A row without a sealed answer is a call under way, one whose
-- outcome nobody knows, or one that is free again. Rows go after a day, and none
-- younger.
CREATE TABLE signet.idempotent_answers (
    tenant_id   uuid        NOT NULL,
    answer      text        NOT NULL CONSTRAINT idempotent_answers_answer CHECK (length(answer) = 64),
    request     bytea       NOT NULL CONSTRAINT idempotent_answers_request CHECK (length(request) = 32),
    run         uuid        NOT NULL,
    state       text        NOT NULL CONSTRAINT idempotent_answers_state CHECK (state IN ('running', 'lost', 'free', 'kept')),
    begun_at    timestamptz NOT NULL DEFAULT now(),
    sealed      bytea,
    key_version integer,
    CONSTRAINT idempotent_answers_pkey PRIMARY KEY (tenant_id, answer),
    CONSTRAINT idempotent_answers_kept CHECK ((state = 'kept') = (sealed IS NOT NULL) AND (sealed IS NULL) = (key_version IS NULL)),
    CONSTRAINT idempotent_answers_tenant FOREIGN KEY (tenant_id) REFERENCES signet.tenants (tenant_id) ON DELETE CASCADE
);
CREATE INDEX idempotent_answers_begun ON signet.idempotent_answers (begun_at);
ALTER TABLE signet.idempotent_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.idempotent_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.idempotent_answers TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
CREATE POLICY system_reads ON signet.idempotent_answers FOR SELECT TO signet_system USING (true);
-- The platform's door deletes them and does not see them.
CREATE POLICY platform_trims ON signet.idempotent_answers FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND begun_at < now() - interval '24 hours');
CREATE POLICY age_bound ON signet.idempotent_answers AS RESTRICTIVE FOR DELETE TO signet_app
    USING (begun_at < now() - interval '24 hours');
GRANT SELECT, INSERT, DELETE ON signet.idempotent_answers TO signet_app;
GRANT UPDATE (request, run, state, begun_at, sealed, key_version) ON signet.idempotent_answers TO signet_app;
GRANT SELECT (tenant_id, key_version) ON signet.idempotent_answers TO signet_system;

-- The same for calls that are about no tenant yet.
CREATE TABLE signet.platform_answers (
    answer      text        NOT NULL CONSTRAINT platform_answers_answer CHECK (length(answer) = 64),
    request     bytea       NOT NULL CONSTRAINT platform_answers_request CHECK (length(request) = 32),
    run         uuid        NOT NULL,
    state       text        NOT NULL CONSTRAINT platform_answers_state CHECK (state IN ('running', 'lost', 'free', 'kept')),
    begun_at    timestamptz NOT NULL DEFAULT now(),
    sealed      bytea,
    key_version integer,
    CONSTRAINT platform_answers_pkey PRIMARY KEY (answer),
    CONSTRAINT platform_answers_kept CHECK ((state = 'kept') = (sealed IS NOT NULL) AND (sealed IS NULL) = (key_version IS NULL))
);
CREATE INDEX platform_answers_begun ON signet.platform_answers (begun_at);
ALTER TABLE signet.platform_answers ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.platform_answers FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.platform_answers TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY age_bound ON signet.platform_answers AS RESTRICTIVE FOR DELETE TO signet_app
    USING (begun_at < now() - interval '24 hours');
GRANT SELECT, INSERT, DELETE ON signet.platform_answers TO signet_app;
GRANT UPDATE (request, run, state, begun_at, sealed, key_version) ON signet.platform_answers TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (21);
COMMIT;
