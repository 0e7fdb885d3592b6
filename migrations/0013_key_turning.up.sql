BEGIN;

-- Root keys are turned while they are in use: every scope key is wrapped anew,
-- across tenants and in batches. The setting signet.keys opens the tenants' keys
-- for that, and no other table of a tenant; of a key it changes under which root
-- key it lies. Only behind it root keys and their wraps are deleted.
CREATE POLICY keys_read ON signet_keys.tenant_keys FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.keys', true)) = 'on');
CREATE POLICY keys_rewrap ON signet_keys.tenant_keys FOR UPDATE TO signet_app
    USING ((SELECT current_setting('signet.keys', true)) = 'on');
GRANT UPDATE (root_epoch, wrapped) ON signet_keys.tenant_keys TO signet_app;
GRANT UPDATE (root_epoch, wrapped) ON signet_keys.platform_keys TO signet_app;
GRANT UPDATE (wrapped, sealed_by, mac) ON signet_keys.root_key_wraps TO signet_app;
CREATE POLICY keys_bound ON signet_keys.root_keys AS RESTRICTIVE FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.keys', true)) = 'on');
CREATE POLICY keys_bound ON signet_keys.root_key_wraps AS RESTRICTIVE FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.keys', true)) = 'on');
GRANT DELETE ON signet_keys.root_keys, signet_keys.root_key_wraps TO signet_app;

-- When a newer version of the tenant's key took over; NULL: this one seals. Until
-- nothing hangs on it any more, what it has sealed is turned to the newer one.
ALTER TABLE signet_keys.tenant_keys ADD COLUMN superseded_at timestamptz;
CREATE INDEX tenant_keys_superseded ON signet_keys.tenant_keys (tenant_id) WHERE superseded_at IS NOT NULL;
GRANT UPDATE (superseded_at) ON signet_keys.tenant_keys TO signet_app;
GRANT SELECT (tenant_id, superseded_at) ON signet_keys.tenant_keys TO signet_system;
REVOKE SELECT (root_epoch) ON signet_keys.tenant_keys FROM signet_system; -- counted through the door of the keys
GRANT UPDATE (fingerprint, key_version) ON signet.app_secrets TO signet_app;
GRANT UPDATE (sealed, key_version) ON signet.trial_grants TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (13);
COMMIT;
