BEGIN;

-- The platform's own key is turned as the tenants' keys are: a newer version seals,
-- what older ones have sealed is turned to it, and then those are deleted, behind the
-- door of the keys alone. More than one version is a turning that is under way.
CREATE POLICY keys_bound ON signet_keys.platform_keys AS RESTRICTIVE FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.keys', true)) = 'on');
GRANT DELETE ON signet_keys.platform_keys TO signet_app;
GRANT UPDATE (sealed, key_version) ON signet.session_keys TO signet_app;

-- How many sealed values hang on each root key, for `keys status`: whose they are and
-- under which version they lie, nothing sealed.
CREATE POLICY system_reads ON signet.trial_grants FOR SELECT TO signet_system USING (true);
GRANT SELECT (tenant_id, key_version) ON signet.trial_grants TO signet_system;
GRANT SELECT (key_version) ON signet.tickets TO signet_system;
GRANT SELECT (root_epoch) ON signet_keys.tenant_keys TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (16);
COMMIT;
