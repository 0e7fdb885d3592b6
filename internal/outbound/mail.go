package outbound

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/mail"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"signet/internal/core"
)

// MailConfig is what letters are sent with. All but User, Password, RootCAs, Log and
// Timeout must be set.
type MailConfig struct {
	Host       string
	Port       int
	TLS        bool // from the first byte; else STARTTLS is required
	Plain      bool // STARTTLS only where it is offered; for a server on the same machine
	User       string
	Password   core.Secret
	From       string         // an address, perhaps with a name
	ConsoleURL string         // where the links lead
	RootCAs    *x509.CertPool // nil: those of the machine
	Log        *slog.Logger   // default slog.Default
	Timeout    time.Duration  // of one letter; default 10 s
}

const (
	mailTimeout  = 10 * time.Second
	mailsAtOnce  = 4   // connections to the mail server
	mailsWaiting = 256 // letters in the queue
)

// Mail sends letters. Make one with NewMail; it is safe for concurrent use.
type Mail struct {
	cfg    MailConfig
	from   *mail.Address
	places chan struct{}
	queue  chan envelope
}

// NewMail checks cfg. It speaks to nobody.
func NewMail(cfg MailConfig) (*Mail, error) {
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, errors.New("mail: the sender is no e-mail address")
	}
	if cfg.Host == "" || cfg.Port == 0 || cfg.ConsoleURL == "" {
		return nil, errors.New("mail: MailConfig is not complete")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = mailTimeout
	}
	return &Mail{cfg: cfg, from: from, places: make(chan struct{}, mailsAtOnce), queue: make(chan envelope, mailsWaiting)}, nil
}

// Send sends a letter and waits until the mail server has taken it, for somebody who
// can send the link by hand if it does not. It fails with core.MailError.
func (m *Mail) Send(ctx context.Context, letter core.Letter) error {
	return m.send(ctx, m.write(letter))
}

// envelope is a letter as it goes out.
type envelope struct {
	kind string // for the log
	to   string
	text written
}

func (m *Mail) send(ctx context.Context, e envelope) error {
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	select {
	case m.places <- struct{}{}:
		defer func() { <-m.places }()
	case <-ctx.Done():
		return core.MailError{Problem: core.MailBusy}
	}
	message, err := m.message(e)
	if err != nil {
		return err
	}
	client, err := m.client()
	if err != nil {
		return core.MailError{Problem: core.MailUnavailable}
	}
	return problemOf(client.DialAndSendWithContext(ctx, message))
}

// message puts a letter into its form. Whatever stands in it, it has one recipient and
// the headers that are set here: the library encodes each value.
func (m *Mail) message(e envelope) (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(m.from)
	to, err := mail.ParseAddress(e.to)
	if err != nil || to.Address != e.to || strings.ContainsAny(e.to, "\r\n") {
		return nil, core.MailError{Problem: core.MailRefused}
	}
	message.ToMailAddress(to)
	message.Subject(oneLine(e.text.subject))
	message.SetDate()
	message.SetMessageIDWithValue(newMessageID() + "@" + domainOf(m.from.Address))
	message.SetGenHeader("Auto-Submitted", "auto-generated") // no holiday notes, please (RFC 3834)
	message.SetBodyString(gomail.TypeTextPlain, e.text.plain)
	message.AddAlternativeString(gomail.TypeTextHTML, e.text.html)
	return message, nil
}

func (m *Mail) client() (*gomail.Client, error) {
	options := []gomail.Option{
		gomail.WithPort(m.cfg.Port), gomail.WithTimeout(m.cfg.Timeout), gomail.WithHELO(m.helo()), gomail.WithoutNoop(),
		gomail.WithTLSConfig(&tls.Config{ServerName: m.cfg.Host, MinVersion: tls.VersionTLS12, RootCAs: m.cfg.RootCAs}),
	}
	switch {
	case m.cfg.TLS:
		options = append(options, gomail.WithSSL())
	case m.cfg.Plain:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if m.cfg.User != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(m.cfg.User), gomail.WithPassword(m.cfg.Password.Expose()))
	}
	return gomail.NewClient(m.cfg.Host, options...)
}

// helo is how Signet introduces itself: by its address outside, and not by the name of
// the machine, which is nobody's business.
func (m *Mail) helo() string {
	if at, err := url.Parse(m.cfg.ConsoleURL); err == nil && at.Hostname() != "" {
		return at.Hostname()
	}
	return "localhost"
}

// problemOf keeps of an error of the library its kind alone: its text names addresses,
// and may name what a server has repeated of the letter.
func problemOf(err error) error {
	if err == nil {
		return nil
	}
	var sent *gomail.SendError
	var said *textproto.Error
	switch {
	case errors.As(err, &sent) && sent.ErrorCode() != 0:
		return core.MailError{Problem: core.MailRefused, Code: sent.ErrorCode()}
	case errors.As(err, &said):
		return core.MailError{Problem: core.MailRefused, Code: said.Code}
	}
	return core.MailError{Problem: core.MailUnavailable}
}

func newMessageID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // crypto/rand never fails (it stops the program instead)
	return hex.EncodeToString(raw[:])
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// oneLine leaves nothing in a text that could end a line.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, text)
}
