package app

import (
	"context"
	"time"

	"signet/internal/identity"
	"signet/internal/outbound"
)

// oidcReturn is the page of the console that a browser comes back to from the sign-in
// provider.
const oidcReturn = "/oidc"

// What one question to the sign-in provider may cost. Somebody waits for it.
const (
	providerTime  = 5 * time.Second
	providerBytes = 256 << 10
)

// provider is the sign-in provider as it is configured, or nil.
func (s *Server) provider() *identity.OIDC {
	if s.cfg.OIDC.Issuer == "" {
		return nil
	}
	return &identity.OIDC{
		Issuer: s.cfg.OIDC.Issuer, ClientID: s.cfg.OIDC.ClientID, ClientSecret: s.cfg.OIDC.ClientSecret,
		Name: s.cfg.OIDC.Name, TrustMFA: s.cfg.OIDC.TrustMFA, ReturnTo: s.cfg.ConsoleURL + oidcReturn,
		Client: outbound.Client(outbound.Limits{Timeout: providerTime, MaxBytes: providerBytes}),
	}
}

// openMail makes what sends letters as it is configured, or nil.
func (s *Server) openMail() (*outbound.Mail, error) {
	if s.cfg.SMTP.Host == "" {
		return nil, nil //nolint:nilnil // there is no mail, and nothing is wrong
	}
	return outbound.NewMail(outbound.MailConfig{
		Host: s.cfg.SMTP.Host, Port: s.cfg.SMTP.Port, TLS: s.cfg.SMTP.TLS, Plain: s.cfg.SMTP.Plain,
		User: s.cfg.SMTP.User, Password: s.cfg.SMTP.Password, From: s.cfg.SMTP.From,
		ConsoleURL: s.cfg.ConsoleURL, Log: s.log,
	})
}

// sendLetters sends what waits to be sent, until ctx ends.
func (s *Server) sendLetters(ctx context.Context) error {
	if s.rooms.mail == nil {
		return nil
	}
	return s.rooms.mail.Run(ctx)
}
