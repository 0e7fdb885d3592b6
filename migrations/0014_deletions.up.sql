BEGIN;

-- A tenant that is to be destroyed: who asked for it, when, and from when on it is
-- due. Until then it is only suspended, and the three can be taken back.
ALTER TABLE signet.tenants
    ADD COLUMN deletion_requested_at timestamptz,
    ADD COLUMN deletion_due_at       timestamptz,
    ADD COLUMN deletion_requested_by text,
    ADD CONSTRAINT tenants_deletion CHECK (
        num_nonnulls(deletion_requested_at, deletion_due_at, deletion_requested_by) IN (0, 3)
        AND (deletion_due_at IS NULL OR status = 'suspended'));
CREATE INDEX tenants_due ON signet.tenants (deletion_due_at) WHERE deletion_due_at IS NOT NULL;
GRANT UPDATE (deletion_requested_at, deletion_due_at, deletion_requested_by) ON signet.tenants TO signet_app;
GRANT SELECT (deletion_requested_at, deletion_due_at, deletion_requested_by) ON signet.tenants TO signet_system;

-- The tenants that were destroyed, by id alone: the list that is kept beside the
-- backups and applied to every database that is restored from one. It is the
-- platform's, because the tenants are gone, and no foreign key leads from it.
-- A row of a tenant that is still there stands for a destruction that was cut
-- short, and does not count.
CREATE TABLE signet.deletions (
    tenant_id       uuid        NOT NULL,
    destroyed_at    timestamptz NOT NULL,
    unopenable_from date        NOT NULL,
    CONSTRAINT deletions_pkey PRIMARY KEY (tenant_id)
);
ALTER TABLE signet.deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.deletions TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
CREATE POLICY system_reads ON signet.deletions FOR SELECT TO signet_system USING (true);
GRANT SELECT, INSERT ON signet.deletions TO signet_app;
GRANT UPDATE (destroyed_at, unopenable_from) ON signet.deletions TO signet_app;
GRANT SELECT (tenant_id, destroyed_at, unopenable_from) ON signet.deletions TO signet_system;

-- Which tenants lack a key that something of theirs is sealed under: data that was
-- restored with keys of another day. Numbers and ids, nothing sealed.
GRANT SELECT (version) ON signet_keys.tenant_keys TO signet_system;
GRANT SELECT (key_version) ON signet.app_secrets TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (14);
COMMIT;
