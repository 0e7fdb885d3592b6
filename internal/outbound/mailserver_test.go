package outbound_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mailServer is a small SMTP server on a port of its own, with a certificate of its own
// for localhost.
type mailServer struct {
	port  int
	roots *x509.CertPool

	tlsFirst, noStartTLS, silent bool
	refuseAt                     string // the command that is answered with 550

	config *tls.Config
	mu     sync.Mutex // guards what follows
	got    []received
	auth   []string // what was shown, in plain words
	words  []string // commands, by their verb, "TLS" where it began
}

type received struct{ from, to, text string }

const mailUser, mailPassword = "signet@mail.example.com", "CANARY-password-of-the-mailbox"

func newMailServer(t *testing.T, change func(*mailServer)) *mailServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	s := &mailServer{roots: x509.NewCertPool(), config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}}
	s.roots.AddCert(certificate)
	if change != nil {
		change(s)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s.port = listener.Addr().(*net.TCPAddr).Port
	var served sync.WaitGroup
	var open sync.Map
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Store(conn, nil)
			served.Go(func() { s.serve(conn); _ = conn.Close() })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Range(func(conn, _ any) bool { _ = conn.(net.Conn).Close(); return true })
		served.Wait()
	})
	return s
}

func (s *mailServer) note(word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.words = append(s.words, word)
}

func (s *mailServer) letters() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.got...)
}

func (s *mailServer) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(append(append([]string(nil), s.words...), s.auth...), " ")
}

func (s *mailServer) serve(conn net.Conn) {
	secure := false
	if s.tlsFirst {
		conn, secure = tls.Server(conn, s.config), true
		s.note("TLS")
	}
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	if s.silent {
		_, _ = in.ReadString('\n')
		return
	}
	say("220 mail.example.com ESMTP")
	var letter received
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		s.note(verb)
		if verb == s.refuseAt {
			say("550 5.1.1 CANARY no such mailbox " + rest)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-mail.example.com")
			if !secure && !s.noStartTLS {
				say("250-STARTTLS")
			}
			if secure {
				say("250-AUTH PLAIN LOGIN")
			}
			say("250 8BITMIME")
		case "STARTTLS":
			say("220 go on")
			conn, secure = tls.Server(conn, s.config), true
			in = bufio.NewReader(conn)
			s.note("TLS")
		case "AUTH":
			_, text, _ := strings.Cut(rest, " ")
			shown, _ := base64.StdEncoding.DecodeString(text)
			s.mu.Lock()
			s.auth = append(s.auth, strings.ReplaceAll(string(shown), "\x00", " "))
			s.mu.Unlock()
			say("235 2.7.0 welcome")
		case "MAIL":
			letter.from = rest
			say("250 ok")
		case "RCPT":
			letter.to += rest
			say("250 ok")
		case "DATA":
			say("354 go on")
			var text strings.Builder
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			letter.text = text.String()
			s.mu.Lock()
			s.got = append(s.got, letter)
			s.mu.Unlock()
			letter = received{}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}
