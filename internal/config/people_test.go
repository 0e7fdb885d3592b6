package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"signet/internal/config"
	"signet/internal/core"
)

const (
	issuer   = "SIGNET_OIDC_ISSUER=https://login.example.com/realms/staff"
	clientID = "SIGNET_OIDC_CLIENT_ID=signet"
	secret   = "SIGNET_OIDC_CLIENT_SECRET=CANARY-of-the-client"
	sender   = "SIGNET_SMTP_FROM=Signet <signet@example.com>"
)

func TestTheProviderIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	cfg, err := config.Read(source())
	require.NoError(t, err)
	require.Empty(t, cfg.OIDC)
	cfg, err = config.Read(source(issuer, clientID, secret))
	require.NoError(t, err)
	require.Equal(t, "https://login.example.com/realms/staff", cfg.OIDC.Issuer)
	require.Equal(t, "signet", cfg.OIDC.ClientID)
	require.Equal(t, "CANARY-of-the-client", cfg.OIDC.ClientSecret.Expose())
	require.Equal(t, "login.example.com", cfg.OIDC.Name)
	require.False(t, cfg.OIDC.TrustMFA)
	cfg, err = config.Read(source(issuer, clientID, secret, "SIGNET_OIDC_NAME=公司账号", "SIGNET_OIDC_TRUST_MFA=true"))
	require.NoError(t, err)
	require.Equal(t, "公司账号", cfg.OIDC.Name)
	require.True(t, cfg.OIDC.TrustMFA)

	_, err = config.Read(source(clientID))
	require.EqualError(t, err, "SIGNET_OIDC_ISSUER is missing: the keys of the sign-in provider are set together, or none\n"+
		"SIGNET_OIDC_CLIENT_SECRET is missing: the keys of the sign-in provider are set together, or none")
	_, err = config.Read(source("SIGNET_OIDC_ISSUER=ftp://a.example.com", clientID))
	require.ErrorContains(t, err, "must be https://")
	require.ErrorContains(t, err, "SIGNET_OIDC_CLIENT_SECRET is missing")
	require.NotContains(t, err.Error(), "ISSUER is missing", "it is wrong, and said to be")
	_, err = config.Read(source("SIGNET_OIDC_ISSUER=http://127.0.0.1:9000", clientID, secret))
	require.NoError(t, err)
	for _, wrong := range []string{
		"SIGNET_OIDC_ISSUER=http://login.example.com", "SIGNET_OIDC_ISSUER=https://user:hunter2secret@login.example.com", "SIGNET_OIDC_ISSUER=https://a.example.com?x=1",
		"SIGNET_OIDC_ISSUER=https://a.example.com#x", "SIGNET_OIDC_ISSUER=login.example.com", "SIGNET_OIDC_ISSUER=https://a.example.com:0",
		"SIGNET_OIDC_NAME=a-name-that-is-much-too-long-to-stand-on-any-button", "SIGNET_OIDC_TRUST_MFA=yes",
	} {
		_, err := config.Read(source(wrong))
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), "hunter2secret")
	}
}

func TestTheMailServerIsReadWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	cfg, err := config.Read(source())
	require.NoError(t, err)
	require.Empty(t, cfg.SMTP)
	const from = "Signet <signet@example.com>"
	password := core.NewSecret("p:w@1/")
	for text, want := range map[string]config.SMTP{
		"smtps://u%40example.com:p%3Aw%401%2F@mail.example.com": {Host: "mail.example.com", Port: 465, TLS: true, User: "u@example.com", Password: password, From: from},
		"smtp://u%40example.com:p%3Aw%401%2F@mail.example.com/": {Host: "mail.example.com", Port: 587, User: "u@example.com", Password: password, From: from},
		"smtp://mail.example.com:2525":                          {Host: "mail.example.com", Port: 2525, From: from},
		"smtp://localhost:25":                                   {Host: "localhost", Port: 25, Plain: true, From: from},
		"smtps://[::1]":                                         {Host: "::1", Port: 465, TLS: true, From: from},
	} {
		cfg, err := config.Read(source("SIGNET_SMTP_URL="+text, sender))
		require.NoError(t, err, text)
		require.Equal(t, want.Password.Expose(), cfg.SMTP.Password.Expose())
		want.Password, cfg.SMTP.Password = core.Secret{}, core.Secret{}
		require.Equal(t, want, cfg.SMTP, text)
	}
	_, err = config.Read(source("SIGNET_SMTP_URL=smtp://mail.example.com"))
	require.EqualError(t, err, "SIGNET_SMTP_FROM is missing: the keys of the mail server are set together, or none")
	_, err = config.Read(source(sender))
	require.EqualError(t, err, "SIGNET_SMTP_URL is missing: the keys of the mail server are set together, or none")
	for _, wrong := range []string{
		"http://mail.example.com", "smtp://", "mail.example.com:25", "smtp://user@mail.example.com", "smtp://:hunter2secret@mail.example.com",
		"smtp://user:hunter2secret@mail.example.com/path", "smtp://user:hunter2secret@mail.example.com:0", "smtp://user:hunter2secret@mail.example.com:99999",
		"smtp://user:hunter2secret@mail.example.com?tls=off", "smtp://user:hunter2secret%zz@mail.example.com", "smtp://user:hunter2secret@mail .example.com",
	} {
		_, err := config.Read(source("SIGNET_SMTP_URL="+wrong, sender))
		require.Error(t, err, wrong)
		require.NotContains(t, err.Error(), "hunter2secret", wrong)
		require.NotContains(t, err.Error(), "\n", "one line for one problem")
	}
	for _, wrong := range []string{"nobody", "a@example.com, b@example.com", "a@example.com\nBcc: b@example.com"} {
		_, err := config.Read(source("SIGNET_SMTP_URL=smtp://mail.example.com", "SIGNET_SMTP_FROM="+wrong))
		require.ErrorContains(t, err, "SIGNET_SMTP_FROM is", wrong)
	}
}
