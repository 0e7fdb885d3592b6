BEGIN;

-- Who of the platform's people is who at the sign-in provider. Written when they come
-- in from there for the first time; from then on the pair of issuer and subject says
-- who they are, and their e-mail address there says nothing any more.
CREATE TABLE signet.oidc_identities (
    issuer     text        NOT NULL,
    subject    text        NOT NULL CONSTRAINT oidc_identities_subject_length CHECK (length(subject) BETWEEN 1 AND 255),
    member_id  uuid        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT oidc_identities_pkey PRIMARY KEY (issuer, subject),
    CONSTRAINT oidc_identities_one_each UNIQUE (issuer, member_id),
    CONSTRAINT oidc_identities_member FOREIGN KEY (member_id) REFERENCES signet.members (member_id) ON DELETE CASCADE
);
ALTER TABLE signet.oidc_identities ENABLE ROW LEVEL SECURITY;
ALTER TABLE signet.oidc_identities FORCE ROW LEVEL SECURITY;
CREATE POLICY platform_wall ON signet.oidc_identities TO signet_app
    USING ((SELECT current_setting('signet.platform', true)) = 'on');
GRANT SELECT, INSERT, DELETE ON signet.oidc_identities TO signet_app;
GRANT UPDATE (used_at) ON signet.oidc_identities TO signet_app;

INSERT INTO signet.migration_marks (version) VALUES (23);
COMMIT;
