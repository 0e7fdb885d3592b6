package config

import (
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"signet/internal/core"
)

// OIDC is the provider from which the platform's own people may come in.
type OIDC struct {
	Issuer       string // as the provider writes it, byte for byte; "": there is none
	ClientID     string
	ClientSecret core.Secret
	Name         string // on the button
	TrustMFA     bool   // a second factor that the provider tells of counts here
}

// SMTP is the mail server.
type SMTP struct {
	Host     string // "": there is none
	Port     int
	TLS      bool // from the first byte; else STARTTLS is required
	Plain    bool // STARTTLS only if it is offered, since it is on this machine
	User     string
	Password core.Secret
	From     string
}

// setIssuer keeps the text as it is: the provider's tokens name it, and are compared.
func setIssuer(to *string, text string) error {
	parsed, err := url.Parse(text)
	switch {
	case err != nil || parsed.Host == "" || parsed.User != nil || strings.ContainsAny(text, "?#"):
		return fmt.Errorf("is %q: write the provider's issuer as it stands in its /.well-known/openid-configuration, such as https://login.example.com", printableURL(text))
	case parsed.Scheme != "https" && (parsed.Scheme != "http" || !loopback(parsed.Hostname())):
		return fmt.Errorf("is %q: people come in from there, so it must be https:// (plain http only for a loopback address)", text)
	case !isHost(parsed.Hostname()), !portFits(parsed.Host, parsed.Port()):
		return fmt.Errorf("is %q: its host or port is none", text)
	}
	*to = text
	return nil
}

const maxOIDCName = 40 // characters; it stands on a button

func setOIDCName(to *string, text string) error {
	name, err := core.ParseName("", text)
	if err != nil || utf8.RuneCountInString(name) > maxOIDCName {
		return fmt.Errorf("is %q: it should be a name of 1 to %d characters, such as 公司账号", text, maxOIDCName)
	}
	*to = name
	return nil
}

func setBool(to *bool, text string) error {
	switch text {
	case "true":
		*to = true
	case "false":
		*to = false
	default:
		return fmt.Errorf("is %q: it should be true or false", text)
	}
	return nil
}

var errSMTP = errors.New("is not the address of a mail server: it should look like smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587, with %40 for an @ in the user or the password")

// setSMTP reads the address of a mail server, never showing it: it holds a password.
func setSMTP(to *SMTP, text string) error {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Scheme != "smtp" && parsed.Scheme != "smtps" || !isHost(parsed.Hostname()) || !portFits(parsed.Host, parsed.Port()) ||
		parsed.Path != "" && parsed.Path != "/" || strings.ContainsAny(text, "?#") {
		return errSMTP
	}
	password, hasPassword := parsed.User.Password()
	if (parsed.User.Username() == "") == (hasPassword && password != "") {
		return errors.New("names a user without a password, or a password without a user: give both or none")
	}
	port := map[string]string{"smtp": "587", "smtps": "465"}[parsed.Scheme]
	if parsed.Port() != "" {
		port = parsed.Port()
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return errSMTP
	}
	to.Host, to.Port = parsed.Hostname(), number
	to.TLS = parsed.Scheme == "smtps"
	to.Plain = !to.TLS && loopback(to.Host)
	to.User, to.Password = parsed.User.Username(), core.NewSecret(password)
	return nil
}

func setSender(to *string, text string) error {
	if _, err := mail.ParseAddress(text); err != nil || strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("is %q: write an e-mail address, such as signet@example.com or Signet <signet@example.com>", text)
	}
	*to = text
	return nil
}

// refuseHalves tells what is missing where a part of a thing is set: a provider or a
// mail server that is only half there would be found out by whoever cannot come in.
func (c *Config) refuseHalves(found *problems) {
	complete := func(mend string, parts map[string]bool, names ...string) {
		given := 0
		for _, name := range names {
			if parts[name] || slices.Contains(found.about, name) {
				given++
			}
		}
		for _, name := range names {
			if given > 0 && !parts[name] && !slices.Contains(found.about, name) {
				found.add(name, "is missing: %s", mend)
			}
		}
	}
	complete("the keys of the sign-in provider are set together, or none", map[string]bool{
		OIDCIssuer: c.OIDC.Issuer != "", OIDCClientID: c.OIDC.ClientID != "", OIDCClientSecret: !c.OIDC.ClientSecret.IsZero(),
	}, OIDCIssuer, OIDCClientID, OIDCClientSecret)
	complete("the keys of the mail server are set together, or none", map[string]bool{SMTPURL: c.SMTP.Host != "", SMTPFrom: c.SMTP.From != ""}, SMTPURL, SMTPFrom)
	if at, err := url.Parse(c.OIDC.Issuer); err == nil && c.OIDC.Issuer != "" && c.OIDC.Name == "" {
		c.OIDC.Name = at.Hostname()
	}
}
