BEGIN;

-- What is over is deleted through the platform's door. A link stays for 90 days
-- after its end, the audit for longer; nobody deletes a younger one through any door.
CREATE INDEX intake_links_ended ON signet.intake_links (coalesce(used_at, revoked_at, expires_at));
CREATE POLICY platform_finds_old ON signet.intake_links FOR SELECT TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
CREATE POLICY platform_trims ON signet.intake_links FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
CREATE POLICY age_bound ON signet.intake_links AS RESTRICTIVE FOR DELETE TO signet_app
    USING (coalesce(used_at, revoked_at, expires_at) < now() - interval '90 days');
GRANT DELETE ON signet.intake_links TO signet_app;

-- What a trial has fetched is of use for ten minutes. That door deletes it and does
-- not see it.
CREATE POLICY platform_trims ON signet.trial_grants FOR DELETE TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on' AND fetched_at < now() - interval '10 minutes');

-- It is bound to when it was fetched from now on. What was sealed without that would
-- not open; its secret is tried again.
TRUNCATE signet.trial_grants;

INSERT INTO signet.migration_marks (version) VALUES (17);
COMMIT;
