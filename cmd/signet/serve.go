package main

import (
	"context"
	"errors"

	"signet/internal/app"
	"signet/internal/config"
	"signet/internal/journal"
)

// serveFlags are the keys of the environment as flags. A flag wins.
type serveFlags struct {
	DatabaseURL            string `help:"Postgres address of the login role signet_app (SIGNET_DATABASE_URL)."`
	SystemDatabaseURL      string `help:"Postgres address of the login role signet_system (SIGNET_SYSTEM_DATABASE_URL)."`
	IdentityFile           string `help:"Age identity file of the platform (SIGNET_IDENTITY_FILE)."`
	IdentityPassphraseFile string `help:"File that holds the passphrase of that file, if it has one (SIGNET_IDENTITY_PASSPHRASE_FILE)."`
	RecoveryRecipient      string `help:"Age recipient of the offline recovery key (SIGNET_RECOVERY_RECIPIENT)."`
	PublicAddr             string `help:"Where pages ask for signatures (SIGNET_PUBLIC_ADDR)."`
	ConsoleAddr            string `help:"Where the console and its API are (SIGNET_CONSOLE_ADDR)."`
	MetricsAddr            string `help:"Where /metrics, /livez and /readyz are (SIGNET_METRICS_ADDR)."`
	PublicURL              string `help:"The public listener as the outside sees it (SIGNET_PUBLIC_URL)."`
	ConsoleURL             string `help:"The console as the outside sees it (SIGNET_CONSOLE_URL)."`
	WecomURL               string `help:"The WeCom API (SIGNET_WECOM_URL)."`
	WecomLoginURL          string `help:"WeCom's page for people who sign in (SIGNET_WECOM_LOGIN_URL)."`
	TrustedProxies         string `help:"Networks whose forwarded-for header is believed (SIGNET_TRUSTED_PROXIES)."`
	DrainDelay             string `help:"How long requests are still taken after the signal to stop, 0s to 15s (SIGNET_DRAIN_DELAY)."`
	DeletionGrace          string `help:"How long a deleted tenant is only suspended, 0s to 2160h (SIGNET_DELETION_GRACE)."`
	KeyBackupDays          string `help:"How many days a backup of the keys is kept (SIGNET_KEY_BACKUP_DAYS)."`
	OIDCIssuer             string `help:"The sign-in provider of the platform's people, https:// (SIGNET_OIDC_ISSUER)."`
	OIDCClientID           string `help:"What Signet is to that provider (SIGNET_OIDC_CLIENT_ID)."`
	OIDCClientSecret       string `help:"The secret of that client (SIGNET_OIDC_CLIENT_SECRET)."`
	OIDCName               string `help:"What the button of that provider says (SIGNET_OIDC_NAME)."`
	OIDCTrustMFA           string `help:"true: a second factor that the provider tells of counts here (SIGNET_OIDC_TRUST_MFA)."`
	SMTPURL                string `help:"The mail server, smtps://USER:PASSWORD@HOST or smtp://… (SIGNET_SMTP_URL)."`
	SMTPFrom               string `help:"The sender of letters (SIGNET_SMTP_FROM)."`
	BreachedPasswordsFile  string `help:"List of passwords that nobody may choose, ordered by SHA-1 (SIGNET_BREACHED_PASSWORDS_FILE)."`
	AuditCheckpointDir     string `help:"Folder that takes a checkpoint of the audit every hour (SIGNET_AUDIT_CHECKPOINT_DIR)."`
	LogLevel               string `help:"debug, info, warn or error (SIGNET_LOG_LEVEL)."`

	MigrateDatabaseURL string `hidden:"" help:"Read by migrate only (SIGNET_MIGRATE_DATABASE_URL)."`
	PostgresBinDir     string `hidden:"" help:"Read by dev only (SIGNET_POSTGRES_BIN_DIR)."`
}

func (f serveFlags) byKey() map[string]string {
	return map[string]string{
		config.DatabaseURL:        f.DatabaseURL,
		config.SystemDatabaseURL:  f.SystemDatabaseURL,
		config.MigrateDatabaseURL: f.MigrateDatabaseURL,
		config.IdentityFile:       f.IdentityFile,
		config.PassphraseFile:     f.IdentityPassphraseFile,
		config.RecoveryRecipient:  f.RecoveryRecipient,
		config.PublicAddr:         f.PublicAddr,
		config.ConsoleAddr:        f.ConsoleAddr,
		config.MetricsAddr:        f.MetricsAddr,
		config.PublicURL:          f.PublicURL,
		config.ConsoleURL:         f.ConsoleURL,
		config.WeComURL:           f.WecomURL,
		config.WeComLoginURL:      f.WecomLoginURL,
		config.TrustedProxies:     f.TrustedProxies,
		config.DrainDelay:         f.DrainDelay,
		config.DeletionGrace:      f.DeletionGrace,
		config.KeyBackupDays:      f.KeyBackupDays,
		config.OIDCIssuer:         f.OIDCIssuer,
		config.OIDCClientID:       f.OIDCClientID,
		config.OIDCClientSecret:   f.OIDCClientSecret,
		config.OIDCName:           f.OIDCName,
		config.OIDCTrustMFA:       f.OIDCTrustMFA,
		config.SMTPURL:            f.SMTPURL,
		config.SMTPFrom:           f.SMTPFrom,
		config.BreachedPasswords:  f.BreachedPasswordsFile,
		config.AuditCheckpointDir: f.AuditCheckpointDir,
		config.LogLevel:           f.LogLevel,
		config.PostgresBinDir:     f.PostgresBinDir,
	}
}

type serveCommand struct {
	Flags serveFlags `embed:""`
}

func (c *serveCommand) Run(ctx context.Context, t *terminal) error {
	cfg, err := config.Read(config.FromProcess(c.Flags.byKey()), config.DatabaseURL, config.IdentityFile)
	if err != nil {
		return errors.Join(err, app.Check(ctx, cfg)) // so that all that is wrong comes in one start
	}
	log := journal.Start(t.err) // a signature waits for nobody who reads the log
	defer log.Close()
	return app.Serve(ctx, cfg, log.Logger(cfg.LogLevel))
}
