package outbound_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/core"
	"signet/internal/outbound"
)

const consoleURL = "https://console.example.com"

func (s *mailServer) open(t *testing.T, change func(*outbound.MailConfig)) (*outbound.Mail, *logged) {
	t.Helper()
	log := &logged{}
	cfg := outbound.MailConfig{
		Host: "localhost", Port: s.port, User: mailUser, Password: core.NewSecret(mailPassword), From: "Signet <signet@example.com>",
		ConsoleURL: consoleURL, RootCAs: s.roots, Log: slog.New(slog.NewTextHandler(log, nil)), Timeout: 3 * time.Second,
	}
	if change != nil {
		change(&cfg)
	}
	m, err := outbound.NewMail(cfg)
	require.NoError(t, err)
	return m, log
}

// logged is a log that several may write to.
type logged struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func invitation() core.Letter {
	return core.Letter{
		Kind: core.InvitationLetter, To: "alice@example.com", Link: core.NewLinkToken(core.InvitationPurpose, core.NewTenantID(), core.NewLinkID()),
		ExpiresAt: time.Date(2025, 11, 25, 12, 0, 0, 0, time.UTC), TenantName: "示例企业", Role: core.TenantAdmin, MadeBy: "owner@example.com",
	}
}

// parts reads a letter as a mail program does.
func parts(t *testing.T, text string) (header mail.Header, plain, html string) {
	t.Helper()
	message, err := mail.ReadMessage(strings.NewReader(text))
	require.NoError(t, err)
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	require.NoError(t, err)
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	bodies := map[string]string{}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return message.Header, bodies["text/plain"], bodies["text/html"]
		}
		require.NoError(t, err)
		require.Equal(t, "quoted-printable", part.Header.Get("Content-Transfer-Encoding"))
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		kind, _, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		require.NoError(t, err)
		bodies[kind] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}

func TestALetterIsSentOverTLS(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]bool{"STARTTLS": false, "from the first byte": true} {
		s := newMailServer(t, func(s *mailServer) { s.tlsFirst = first })
		m, log := s.open(t, func(cfg *outbound.MailConfig) { cfg.TLS = first })
		letter := invitation()
		require.NoError(t, m.Send(t.Context(), letter), name)
		got := s.letters()
		require.Len(t, got, 1)
		require.Contains(t, got[0].from, "<signet@example.com>")
		require.Equal(t, "TO:<alice@example.com>", got[0].to)
		header, plain, html := parts(t, got[0].text)
		require.Equal(t, "<alice@example.com>", header.Get("To"))
		require.Contains(t, header.Get("Message-ID"), "@example.com>")
		require.Empty(t, header.Get("User-Agent"))
		address := letter.Link.Address(consoleURL).Expose()
		for _, text := range []string{plain, html} {
			require.Contains(t, text, address)
			require.Contains(t, text, "示例企业")
			require.Contains(t, text, "invites you")
			require.Contains(t, text, "2025-11-25 12:00 UTC")
		}
		require.NotContains(t, html, "src=", "nothing is fetched")
		require.Contains(t, s.heard(), "EHLO", "and by our name outside")
		require.Contains(t, s.heard(), mailUser+" "+mailPassword)
		require.Less(t, strings.Index(s.heard(), "TLS"), strings.Index(s.heard(), "AUTH"))
		require.Empty(t, log.String())
	}
}

func TestALetterIsNotSentInTheClearNorToSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		server  func(*mailServer)
		mail    func(*outbound.MailConfig)
		problem core.MailProblem
		code    int
	}{
		"no STARTTLS":                 {func(s *mailServer) { s.noStartTLS = true }, func(cfg *outbound.MailConfig) { cfg.User = "" }, core.MailUnavailable, 0},
		"a certificate of somebody":   {nil, func(cfg *outbound.MailConfig) { cfg.RootCAs = x509.NewCertPool() }, core.MailUnavailable, 0},
		"a certificate for elsewhere": {nil, func(cfg *outbound.MailConfig) { cfg.Host = "127.0.0.1" }, core.MailUnavailable, 0},
		"nobody there":                {nil, func(cfg *outbound.MailConfig) { cfg.Port = 1 }, core.MailUnavailable, 0},
		"silence":                     {func(s *mailServer) { s.silent = true }, func(cfg *outbound.MailConfig) { cfg.Timeout = 200 * time.Millisecond }, core.MailUnavailable, 0},
		"a sender that is refused":    {func(s *mailServer) { s.refuseAt = "MAIL" }, nil, core.MailRefused, 550},
		"an address that is refused":  {func(s *mailServer) { s.refuseAt = "RCPT" }, nil, core.MailRefused, 550},
		"a password that is refused":  {func(s *mailServer) { s.refuseAt = "AUTH" }, nil, core.MailRefused, 550},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newMailServer(t, row.server)
			m, log := s.open(t, row.mail)
			letter := invitation()
			began := time.Now()
			err := m.Send(t.Context(), letter)
			require.Equal(t, core.MailError{Problem: row.problem, Code: row.code}, err)
			require.Less(t, time.Since(began), 3*time.Second)
			require.Empty(t, s.letters())
			require.NotContains(t, s.heard(), letter.Link.Text().Expose())
			for _, secret := range []string{mailPassword, letter.To, letter.Link.Text().Expose(), "CANARY"} {
				require.NotContains(t, err.Error(), secret)
				require.NotContains(t, log.String(), secret)
			}
		})
	}
}

// A server on the same machine may do without.
func TestOnTheSameMachineTLSIsTakenWhereItIsOffered(t *testing.T) {
	t.Parallel()
	for _, offered := range []bool{true, false} {
		s := newMailServer(t, func(s *mailServer) { s.noStartTLS = !offered })
		m, _ := s.open(t, func(cfg *outbound.MailConfig) { cfg.Plain, cfg.User = true, "" })
		require.NoError(t, m.Send(t.Context(), invitation()))
		require.Equal(t, offered, strings.Contains(s.heard(), "TLS"))
	}
}

func TestNoWordsOfOthersBecomeHeadersOrRecipients(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, nil)
	m, _ := s.open(t, nil)
	const evil = "x\r\nBcc: evil@example.net\r\nX-Evil: 1\r\n\r\n<script>alert(1)</script>"
	letter := invitation()
	letter.TenantName, letter.MadeBy = evil, evil
	require.NoError(t, m.Send(t.Context(), letter))
	got := s.letters()
	require.Len(t, got, 1)
	require.Equal(t, "TO:<alice@example.com>", got[0].to)
	header, plain, html := parts(t, got[0].text)
	require.Empty(t, header.Get("Bcc"))
	require.Empty(t, header.Get("X-Evil"))
	require.NotContains(t, plain, "\nBcc:")
	require.NotContains(t, html, "<script>")
	for _, to := range []string{"a@example.com\r\nRCPT TO:<evil@example.net>", "a@example.com, evil@example.net", "A <a@example.com>", "", "nobody", "a@example.com\nBcc: evil@example.net"} {
		letter.To = to
		require.Equal(t, core.MailError{Problem: core.MailRefused}, m.Send(t.Context(), letter), "%q", to)
	}
	require.Len(t, s.letters(), 1)
}

func TestNoticesGoOutBesideAndNeverInTheWay(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, nil)
	m, log := s.open(t, nil)
	queue := m.Queue()
	agent := "Mozilla/5.0 (Windows NT 10.0) visit evil.example.net AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
	queue.Notify(core.Notice{Kind: core.NewDeviceNotice, To: "alice@example.com", At: time.Date(2025, 11, 22, 4, 0, 0, 0, time.UTC), Client: "203.0.113.9/32", Agent: agent})
	forgotten := core.Letter{Kind: core.ForgottenLetter, To: "bob@example.com", Link: core.NewLinkToken(core.ResetPurpose, core.TenantID{}, core.NewLinkID())}
	require.NoError(t, queue.Send(t.Context(), forgotten))
	require.Empty(t, s.letters(), "nobody waited for the server")

	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, m.Run(ctx), "what waits goes out at the end")
	got := s.letters()
	require.Len(t, got, 2)
	_, plain, html := parts(t, got[0].text)
	for _, text := range []string{plain, html} {
		require.Contains(t, text, "2025-11-22 12:00（北京时间）")
		require.Contains(t, text, "2025-11-22 04:00 UTC")
		require.Contains(t, text, "203.0.113.9/32")
		require.Contains(t, text, "Chrome on Windows")
		require.NotContains(t, text, "evil.example.net", "what a browser calls itself is not repeated")
	}
	_, plain, _ = parts(t, got[1].text)
	require.Contains(t, plain, forgotten.Link.Address(consoleURL).Expose())
	require.Empty(t, log.String())

	// Beyond what fits, letters are dropped and told, without what is in them.
	var err error
	for range 1000 {
		if err = queue.Send(t.Context(), forgotten); err != nil {
			break
		}
	}
	require.Equal(t, core.MailError{Problem: core.MailBusy}, err)
	require.Contains(t, log.String(), "a letter is dropped")
	require.NotContains(t, log.String(), forgotten.Link.Text().Expose())
	require.NotContains(t, log.String(), forgotten.To)
}

func TestALetterThatCannotBeSentFromTheQueueIsToldByItsKind(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, func(s *mailServer) { s.refuseAt = "RCPT" })
	m, log := s.open(t, nil)
	letter := invitation()
	require.NoError(t, m.Queue().Send(t.Context(), letter))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, m.Run(ctx))
	require.Contains(t, log.String(), "kind=invitation")
	require.Contains(t, log.String(), "mail: refused (550)")
	for _, secret := range []string{letter.To, letter.Link.Text().Expose(), "CANARY"} {
		require.NotContains(t, log.String(), secret)
	}
}

func TestEveryKindOfLetterAndNoticeHasItsWords(t *testing.T) {
	t.Parallel()
	s := newMailServer(t, nil)
	m, _ := s.open(t, nil)
	for _, kind := range []core.LetterKind{core.InvitationLetter, core.ResetLetter, core.ForgottenLetter} {
		letter := invitation()
		letter.Kind = kind
		require.NoError(t, m.Send(t.Context(), letter))
	}
	for _, kind := range []core.NoticeKind{core.PasswordNotice, core.FactorAddedNotice, core.FactorRemovedNotice, core.NewDeviceNotice} {
		m.Queue().Notify(core.Notice{Kind: kind, To: "alice@example.com", At: time.Now()})
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, m.Run(ctx))
	subjects := map[string]bool{}
	for _, letter := range s.letters() {
		header, plain, _ := parts(t, letter.text)
		subject, err := new(mime.WordDecoder).DecodeHeader(header.Get("Subject"))
		require.NoError(t, err)
		require.Contains(t, subject, "Signet")
		subjects[subject] = true
		require.Greater(t, len(plain), 150)
		require.NotContains(t, plain, "。。")
	}
	require.Len(t, subjects, 6, "%v", subjects)
}
