BEGIN;

-- Whose turn it is to fetch a token or ticket, in the whole cluster. The key is
-- that of the ticket's row. epoch counts the turns: what a turn brings is written
-- only while its epoch stands here, so a node that slept writes nothing. ends_at
-- is by the database's clock. awaited says that somebody waits for the outcome
-- and wants a change row about it.
CREATE TABLE signet.ticket_leases (
    tenant_id uuid             NOT NULL,
    kind      text             NOT NULL CONSTRAINT ticket_leases_kind CHECK (kind IN ('access_token', 'corp_ticket', 'agent_ticket')),
    subject   text COLLATE "C" NOT NULL,
    app_id    uuid,
    corp_id   text COLLATE "C",
    epoch     bigint           NOT NULL CONSTRAINT ticket_leases_epoch CHECK (epoch > 0),
    holder    uuid             NOT NULL,
    ends_at   timestamptz      NOT NULL,
    awaited   boolean          NOT NULL DEFAULT false,
    CONSTRAINT ticket_leases_pkey PRIMARY KEY (tenant_id, kind, subject),
    CONSTRAINT ticket_leases_subject CHECK (CASE kind
        WHEN 'corp_ticket' THEN app_id IS NULL AND corp_id IS NOT NULL AND subject = corp_id
        ELSE corp_id IS NULL AND app_id IS NOT NULL AND subject = app_id::text END),
    CONSTRAINT ticket_leases_app FOREIGN KEY (tenant_id, app_id) REFERENCES signet.apps (tenant_id, app_id) ON DELETE CASCADE,
    CONSTRAINT ticket_leases_corp FOREIGN KEY (tenant_id, corp_id) REFERENCES signet.corps (tenant_id, corp_id) ON DELETE CASCADE
);
ALTER TABLE signet.ticket_leases ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.ticket_leases FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.ticket_leases TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT ON signet.ticket_leases TO signet_app;
GRANT UPDATE (epoch, holder, ends_at, awaited) ON signet.ticket_leases TO signet_app;

ALTER TABLE signet.change_log DROP CONSTRAINT change_log_kind;
ALTER TABLE signet.change_log ADD CONSTRAINT change_log_kind CHECK (kind IN ('tenant', 'app', 'secret', 'legacy_host', 'ticket'));

INSERT INTO signet.migration_marks (version) VALUES (8);
COMMIT;
