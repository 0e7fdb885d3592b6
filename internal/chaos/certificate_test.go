package chaos_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"signet/internal/wecom/wecomtest"
)

// TestPostgresCertificateExpired lets the certificate of Postgres end under a node
// that asks for one: what is warm signs on, all else is 503, and not one byte of
// Postgres' protocol goes over a plain connection.
func TestPostgresCertificateExpired(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 1, cold: 2})
	n := c.nodes[0]
	front := newFront(t, c.postgres.address(), true)
	n.kill()
	for i, entry := range n.env {
		if strings.Contains(entry, "DATABASE_URL=") {
			entry = strings.Replace(entry, n.postgres.address(), front.address(), 1)
			n.env[i] = strings.Replace(entry, "sslmode=disable", "sslmode=verify-full&sslrootcert="+front.rootFile, 1)
		}
	}
	n.start(t)
	for _, a := range c.warm {
		c.awaitStatus(t, n, a, 200)
	}
	l := c.startLoad(t)
	l.during("before", 500*time.Millisecond)
	l.phase.Store("during")
	front.present(front.expired)
	requireCode(t, storeUnavailable, 200, c.ask(t.Context(), n, c.cold[0], c.cold[0].page), "a cold app")
	requireCode(t, storeUnavailable, 201, c.addDomain(t.Context(), n, c.warm[0], "expired.example.com"), "the console writes")
	status, said := run(t, n.env, "", "serve")
	require.Equal(t, 1, status, said)
	l.during("during", time.Second)
	front.present(front.valid)
	c.awaitStatus(t, n, c.cold[0], 200)
	l.during("after", 500*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
	require.Zero(t, front.plain.Load(), "the node fell back to a plain connection")
	require.NotZero(t, front.refused.Load(), "nobody saw the expired certificate")
}

// TestWeComCertificateExpired does the same to WeCom: nothing is sent to whom the
// certificate does not vouch for.
func TestWeComCertificateExpired(t *testing.T) {
	t.Parallel()
	c := startCluster(t, plan{nodes: 1, cold: 1})
	n, cold := c.nodes[0], c.cold[0]
	front := newFront(t, strings.TrimPrefix(c.weCom.URL(), "http://"), false)
	front.present(front.expired)
	n.kill()
	n.env = append(n.env, "SSL_CERT_FILE="+front.rootFile)
	for i, entry := range n.env {
		if strings.HasPrefix(entry, "SIGNET_WECOM_URL=") {
			n.env[i] = "SIGNET_WECOM_URL=https://" + front.address()
		}
	}
	n.start(t)
	l := c.startLoad(t)
	l.phase.Store("during")
	requireCode(t, "wecom.unavailable", 200, c.ask(t.Context(), n, cold, cold.page), "a cold app")
	require.Zero(t, c.weCom.Count(wecomtest.Filter{Corp: cold.corp}))
	require.NotZero(t, front.refused.Load(), "nobody saw the expired certificate")
	require.Equal(t, 200, c.console(t.Context(), n, "GET", "/tenants", nil).status)
	l.during("during", 500*time.Millisecond)
	front.present(front.valid)
	c.awaitStatus(t, n, cold, 200)
	l.during("after", 500*time.Millisecond)
	l.stop(t)
	l.requireNoFailure(t)
}

// front speaks TLS before what has none: Postgres, where a connection asks for TLS
// first, or WeCom.
type front struct {
	listener       net.Listener
	asked          bool // TLS begins when it was asked for
	rootFile       string
	valid, expired tls.Certificate
	plain, refused atomic.Int64

	mu        sync.Mutex // guards both
	presented tls.Certificate
	open      []net.Conn
}

func newFront(t *testing.T, upstream string, asked bool) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &front{listener: listener, asked: asked, rootFile: filepath.Join(t.TempDir(), "root.pem")}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	root := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &key.PublicKey, key)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(f.rootFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	issue := func(end time.Time) tls.Certificate {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: end, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		der, err := x509.CreateCertificate(rand.Reader, leaf, root, &key.PublicKey, key)
		require.NoError(t, err)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	}
	f.valid, f.expired = issue(time.Now().Add(time.Hour)), issue(time.Now().Add(-time.Hour))
	f.present(f.valid)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.serve(conn, upstream) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		f.present(f.valid)
		serving.Wait()
	})
	return f
}

func (f *front) address() string { return f.listener.Addr().String() }

// present shows another certificate from now on, and ends what is open.
func (f *front) present(certificate tls.Certificate) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.presented = certificate
	for _, conn := range f.open {
		_ = conn.Close()
	}
	f.open = nil
}

// keep notes connections that a change of certificate ends, and tells which one
// is shown now.
func (f *front) keep(conns ...net.Conn) tls.Certificate {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = append(f.open, conns...)
	return f.presented
}

const wantsTLS = 80877103 // Postgres' SSLRequest

// negotiate answers Postgres' request for TLS. It gives false where something else
// came.
func (f *front) negotiate(conn net.Conn) bool {
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return true // nothing came, plain or not
	}
	if binary.BigEndian.Uint32(head[4:]) != wantsTLS {
		return false
	}
	_, err := conn.Write([]byte("S"))
	return err == nil
}

func (f *front) serve(conn net.Conn, upstream string) {
	defer conn.Close()
	certificate := f.keep(conn)
	if f.asked && !f.negotiate(conn) {
		f.plain.Add(1)
		return
	}
	outer := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if outer.Handshake() != nil {
		f.refused.Add(1)
		return
	}
	inner, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer inner.Close()
	f.keep(inner)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(inner, outer)
		_ = inner.Close()
	}()
	_, _ = io.Copy(outer, inner)
	_ = conn.Close()
	<-done
}
