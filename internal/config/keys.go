package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"signet/internal/core"
)

const (
	prefix     = "SIGNET_"
	fileSuffix = "_FILE"
	systemRole = "signet_system"
)

// The names of the keys that commands ask for.
const (
	DatabaseURL        = "SIGNET_DATABASE_URL"
	SystemDatabaseURL  = "SIGNET_SYSTEM_DATABASE_URL"
	MigrateDatabaseURL = "SIGNET_MIGRATE_DATABASE_URL"
	IdentityFile       = "SIGNET_IDENTITY_FILE"
	PassphraseFile     = "SIGNET_IDENTITY_PASSPHRASE_FILE"
	RecoveryRecipient  = "SIGNET_RECOVERY_RECIPIENT"
	PublicAddr         = "SIGNET_PUBLIC_ADDR"
	ConsoleAddr        = "SIGNET_CONSOLE_ADDR"
	MetricsAddr        = "SIGNET_METRICS_ADDR"
	PublicURL          = "SIGNET_PUBLIC_URL"
	ConsoleURL         = "SIGNET_CONSOLE_URL"
	WeComURL           = "SIGNET_WECOM_URL"
	WeComLoginURL      = "SIGNET_WECOM_LOGIN_URL"
	TrustedProxies     = "SIGNET_TRUSTED_PROXIES"
	DrainDelay         = "SIGNET_DRAIN_DELAY"
	DeletionGrace      = "SIGNET_DELETION_GRACE"
	KeyBackupDays      = "SIGNET_KEY_BACKUP_DAYS"
	OIDCIssuer         = "SIGNET_OIDC_ISSUER"
	OIDCClientID       = "SIGNET_OIDC_CLIENT_ID"
	OIDCClientSecret   = "SIGNET_OIDC_CLIENT_SECRET"
	OIDCName           = "SIGNET_OIDC_NAME"
	OIDCTrustMFA       = "SIGNET_OIDC_TRUST_MFA"
	SMTPURL            = "SIGNET_SMTP_URL"
	SMTPFrom           = "SIGNET_SMTP_FROM"
	BreachedPasswords  = "SIGNET_BREACHED_PASSWORDS_FILE"
	AuditCheckpointDir = "SIGNET_AUDIT_CHECKPOINT_DIR"
	LogLevel           = "SIGNET_LOG_LEVEL"
	PostgresBinDir     = "SIGNET_POSTGRES_BIN_DIR"
)

type key struct {
	name     string
	standard string // "" : none
	mend     string // what to do when it is missing
	set      func(*Config, string) error
}

// keys is the one table of what can be set.
var keys = []key{
	{DatabaseURL, "", "set it to the Postgres address of the login role signet_app", func(c *Config, s string) error {
		return setPostgres(&c.DatabaseURL, s)
	}},
	{SystemDatabaseURL, "", "set it to the Postgres address of the login role signet_system", func(c *Config, s string) error {
		return setPostgres(&c.SystemDatabaseURL, s)
	}},
	{MigrateDatabaseURL, "", "set it to the Postgres address of the owner of the database", func(c *Config, s string) error {
		return setPostgres(&c.MigrateDatabaseURL, s)
	}},
	{IdentityFile, "", "make one with `signet keys init --out FILE` and set it to that path", func(c *Config, s string) error {
		c.IdentityFile = s
		return nil
	}},
	{PassphraseFile, "", "", func(c *Config, s string) error {
		c.PassphraseFile = s
		return nil
	}},
	{RecoveryRecipient, "", "", func(c *Config, s string) error {
		c.RecoveryRecipient = s // seal reads it, and says what is wrong with it
		return nil
	}},
	{PublicAddr, ":8880", "", func(c *Config, s string) error { return setAddr(&c.PublicAddr, s) }},
	{ConsoleAddr, "127.0.0.1:8881", "", func(c *Config, s string) error { return setAddr(&c.ConsoleAddr, s) }},
	{MetricsAddr, "127.0.0.1:8882", "", func(c *Config, s string) error { return setAddr(&c.MetricsAddr, s) }},
	{PublicURL, "http://localhost:8880", "", func(c *Config, s string) error { return setOrigin(&c.PublicURL, s) }},
	{ConsoleURL, "http://localhost:8881", "", func(c *Config, s string) error { return setOrigin(&c.ConsoleURL, s) }},
	{WeComURL, "https://qyapi.weixin.qq.com", "", func(c *Config, s string) error { return setWeCom(&c.WeComURL, s) }},
	{WeComLoginURL, "https://login.work.weixin.qq.com", "", func(c *Config, s string) error { return setWeCom(&c.WeComLoginURL, s) }},
	{TrustedProxies, "", "", func(c *Config, s string) error { return setNetworks(&c.TrustedProxies, s) }},
	{DrainDelay, "8s", "", func(c *Config, s string) error { return setDrainDelay(&c.DrainDelay, s) }},
	{DeletionGrace, "168h", "", func(c *Config, s string) error { return setDeletionGrace(&c.DeletionGrace, s) }},
	{KeyBackupDays, "7", "", func(c *Config, s string) error { return setKeyBackupDays(&c.KeyBackupDays, s) }},
	{OIDCIssuer, "", "", func(c *Config, s string) error { return setIssuer(&c.OIDC.Issuer, s) }},
	{OIDCClientID, "", "", func(c *Config, s string) error {
		c.OIDC.ClientID = s
		return nil
	}},
	{OIDCClientSecret, "", "", func(c *Config, s string) error {
		c.OIDC.ClientSecret = core.NewSecret(s)
		return nil
	}},
	{OIDCName, "", "", func(c *Config, s string) error { return setOIDCName(&c.OIDC.Name, s) }},
	{OIDCTrustMFA, "false", "", func(c *Config, s string) error { return setBool(&c.OIDC.TrustMFA, s) }},
	{SMTPURL, "", "", func(c *Config, s string) error { return setSMTP(&c.SMTP, s) }},
	{SMTPFrom, "", "", func(c *Config, s string) error { return setSender(&c.SMTP.From, s) }},
	{BreachedPasswords, "", "", func(c *Config, s string) error {
		c.BreachedPasswords = s
		return nil
	}},
	{AuditCheckpointDir, "", "", func(c *Config, s string) error {
		c.AuditCheckpointDir = s
		return nil
	}},
	{LogLevel, "info", "", func(c *Config, s string) error { return setLevel(&c.LogLevel, s) }},
	{PostgresBinDir, "", "", func(c *Config, s string) error {
		c.PostgresBinDir = s
		return nil
	}},
}

// Names lists every key, in the order of the table.
func Names() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return names
}

var errPostgres = errors.New("is not a Postgres address: it should look like postgres://USER:PASSWORD@HOST:5432/DATABASE")

func setPostgres(to *core.Secret, text string) error {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" || parsed.User.Username() == "" ||
		!portFits(parsed.Host, parsed.Port()) {
		return errPostgres // never the text, which holds a password
	}
	*to = core.NewSecret(text)
	return nil
}

// withSystemRole is the address with the other role's name in it, and the same
// password (contract, section 2).
func withSystemRole(text string) (string, error) {
	parsed, err := url.Parse(text)
	if err != nil {
		return "", errPostgres
	}
	if password, ok := parsed.User.Password(); ok {
		parsed.User = url.UserPassword(systemRole, password)
	} else {
		parsed.User = url.User(systemRole)
	}
	return parsed.String(), nil
}

func setNetworks(to *[]netip.Prefix, text string) error {
	var networks []netip.Prefix
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		if addr, err := netip.ParseAddr(part); err == nil {
			networks = append(networks, netip.PrefixFrom(addr, addr.BitLen()))
			continue
		}
		network, err := netip.ParsePrefix(part)
		if err != nil {
			return fmt.Errorf("holds %q: write networks such as 10.0.0.0/8, parted by commas", part)
		}
		networks = append(networks, network.Masked())
	}
	*to = networks
	return nil
}

// longestDrainDelay leaves requests under way some seconds of the twenty in which
// a node ends.
const longestDrainDelay = 15 * time.Second

func setDrainDelay(to *time.Duration, text string) error {
	delay, err := time.ParseDuration(text)
	if err != nil || delay < 0 || delay > longestDrainDelay {
		return fmt.Errorf("is %q: it should be a time from 0s to 15s, such as 8s", text)
	}
	*to = delay
	return nil
}

// longestDeletionGrace keeps a slip of the hand from becoming a deletion that never
// comes.
const longestDeletionGrace = 90 * 24 * time.Hour

func setDeletionGrace(to *time.Duration, text string) error {
	grace, err := time.ParseDuration(text)
	if err != nil || grace < 0 || grace > longestDeletionGrace {
		return fmt.Errorf("is %q: it should be a time from 0s to 2160h (90 days), such as 168h (7 days)", text)
	}
	*to = grace
	return nil
}

const longestKeyBackupDays = 3650

func setKeyBackupDays(to *int, text string) error {
	days, err := strconv.Atoi(text)
	if err != nil || days < 0 || days > longestKeyBackupDays {
		return fmt.Errorf("is %q: it should be a number of days from 0 to %d, such as 7", text, longestKeyBackupDays)
	}
	*to = days
	return nil
}

func setLevel(to *slog.Level, text string) error {
	switch strings.ToLower(text) {
	case "debug":
		*to = slog.LevelDebug
	case "info":
		*to = slog.LevelInfo
	case "warn":
		*to = slog.LevelWarn
	case "error":
		*to = slog.LevelError
	default:
		return fmt.Errorf("is %q: it should be debug, info, warn or error", text)
	}
	return nil
}
