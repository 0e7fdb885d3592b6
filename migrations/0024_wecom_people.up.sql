BEGIN;

-- The app through which a tenant's people sign in by WeCom: its callback domain in
-- WeCom's console is the console's host.
ALTER TABLE signet.apps ADD COLUMN sign_in boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX apps_one_sign_in ON signet.apps (tenant_id) WHERE sign_in;
GRANT UPDATE (sign_in) ON signet.apps TO signet_app;

-- Who a person of a tenant's corp is here. user_id is WeCom's, byte for byte. Whoever
-- leaves the tenant is bound no more.
CREATE TABLE signet.wecom_people (
    tenant_id uuid             NOT NULL,
    corp_id   text COLLATE "C" NOT NULL,
    user_id   text COLLATE "C" NOT NULL CONSTRAINT wecom_people_user_id CHECK (octet_length(user_id) BETWEEN 1 AND 64),
    member_id uuid             NOT NULL,
    bound_at  timestamptz      NOT NULL DEFAULT now(),
    bound_by  text             NOT NULL,
    CONSTRAINT wecom_people_pkey PRIMARY KEY (tenant_id, corp_id, user_id),
    CONSTRAINT wecom_people_member UNIQUE (tenant_id, member_id, corp_id),
    CONSTRAINT wecom_people_corp FOREIGN KEY (tenant_id, corp_id) REFERENCES signet.corps (tenant_id, corp_id) ON DELETE CASCADE,
    CONSTRAINT wecom_people_membership FOREIGN KEY (tenant_id, member_id) REFERENCES signet.memberships (tenant_id, member_id) ON DELETE CASCADE
);
ALTER TABLE signet.wecom_people ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.wecom_people FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet.wecom_people TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT, DELETE ON signet.wecom_people TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (24);
COMMIT;
