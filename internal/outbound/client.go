package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Limits bound what one exchange may cost. All but RootCAs must be set.
type Limits struct {
	Timeout  time.Duration  // of the whole exchange, the body included
	MaxBytes int64          // of an answer's body, as it is read (unpacked)
	RootCAs  *x509.CertPool // nil: those of the machine
}

// ErrTooLong is what reading an answer beyond Limits.MaxBytes comes to.
var ErrTooLong = errors.New("the answer is too long")

const maxHeaderBytes = 64 << 10

// Client makes a client for far ends that whoever runs Signet has named. They may be
// internal. It follows no redirect: the answer is the redirect itself.
func Client(l Limits) *http.Client { return client(l, nil) }

// Guarded makes a client for addresses that somebody else has named: it dials no
// network of guard.go, and the ports 80 and 443 alone.
func Guarded(l Limits) *http.Client { return client(l, control) }

func client(l Limits, control func(string, string, syscall.RawConn) error) *http.Client {
	dialer := &net.Dialer{Timeout: l.Timeout, Control: control}
	return &http.Client{
		Timeout:       l.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: bounded{max: l.MaxBytes, next: &http.Transport{
			Proxy:                  nil, // of the environment none either: it would dial past the guard
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: l.RootCAs},
			TLSHandshakeTimeout:    l.Timeout,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxHeaderBytes,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        30 * time.Second,
		}},
	}
}

// bounded fails where an answer goes on beyond max.
type bounded struct {
	next http.RoundTripper
	max  int64
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.next.RoundTrip(r)
	var refused refusedError
	switch {
	case errors.As(err, &refused):
		return nil, refused // without what a name was resolved to
	case err != nil:
		return nil, err
	}
	answer.Body = &boundedBody{ReadCloser: answer.Body, left: b.max}
	return answer, nil
}

// CloseIdleConnections lets http.Client close what nobody uses.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLong
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, ErrTooLong
	}
	return n, err
}
