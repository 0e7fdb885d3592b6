BEGIN;

-- Wrapped keys, in a schema of their own: left out of backups of the data and
-- backed up apart with short retention (docs/architecture.md, custody). So no
-- foreign key leads from here to the data, nor back.
CREATE SCHEMA signet_keys;
GRANT USAGE ON SCHEMA signet_keys TO signet_app;

-- The platform's root keys, one row for each epoch, and one wrap for each
-- recipient. A wrap is an age file; its mac is made with a key that only the
-- master identity yields, so a row written from within the database is refused.
CREATE TABLE signet_keys.root_keys (
    epoch       integer     NOT NULL CONSTRAINT root_keys_epoch CHECK (epoch > 0),
    fingerprint bytea       NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT root_keys_pkey PRIMARY KEY (epoch)
);
ALTER TABLE signet_keys.root_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet_keys.root_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet_keys.root_keys TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet_keys.root_keys TO signet_app;

CREATE TABLE signet_keys.root_key_wraps (
    epoch     integer NOT NULL,
    recipient text    NOT NULL,
    wrapped   bytea   NOT NULL,
    sealed_by text    NOT NULL,
    mac       bytea   NOT NULL,
    CONSTRAINT root_key_wraps_pkey PRIMARY KEY (epoch, recipient),
    CONSTRAINT root_key_wraps_epoch FOREIGN KEY (epoch) REFERENCES signet_keys.root_keys (epoch)
);
ALTER TABLE signet_keys.root_key_wraps ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet_keys.root_key_wraps FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet_keys.root_key_wraps TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet_keys.root_key_wraps TO signet_app;

-- One scope key for each tenant and version, wrapped under a root key.
CREATE TABLE signet_keys.tenant_keys (
    tenant_id  uuid        NOT NULL,
    version    integer     NOT NULL CONSTRAINT tenant_keys_version CHECK (version > 0),
    root_epoch integer     NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tenant_keys_pkey PRIMARY KEY (tenant_id, version),
    CONSTRAINT tenant_keys_root FOREIGN KEY (root_epoch) REFERENCES signet_keys.root_keys (epoch)
);
CREATE INDEX tenant_keys_of_root ON signet_keys.tenant_keys (root_epoch);
ALTER TABLE signet_keys.tenant_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet_keys.tenant_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_wall ON signet_keys.tenant_keys TO signet_app
    USING (tenant_id = (SELECT nullif(current_setting('signet.tenant', true), '')::uuid));
GRANT SELECT, INSERT, DELETE ON signet_keys.tenant_keys TO signet_app;

-- The scope key of the platform's own things.
CREATE TABLE signet_keys.platform_keys (
    version    integer     NOT NULL CONSTRAINT platform_keys_version CHECK (version > 0),
    root_epoch integer     NOT NULL,
    wrapped    bytea       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT platform_keys_pkey PRIMARY KEY (version),
    CONSTRAINT platform_keys_root FOREIGN KEY (root_epoch) REFERENCES signet_keys.root_keys (epoch)
);
ALTER TABLE signet_keys.platform_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet_keys.platform_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet_keys.platform_keys TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT ON signet_keys.platform_keys TO signet_app;

-- How many scope keys hang on each root key, for `keys status`: epochs and
-- nothing else.
GRANT USAGE ON SCHEMA signet_keys TO signet_system;
CREATE POLICY system_reads ON signet_keys.tenant_keys FOR SELECT TO signet_system USING (true);
GRANT SELECT (root_epoch) ON signet_keys.tenant_keys TO signet_system;

INSERT INTO signet.migration_marks (version) VALUES (2);
COMMIT;
