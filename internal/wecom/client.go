package wecom

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"signet/internal/core"
)

// DefaultBaseURL is WeCom's API host (protocol notes, head).
const DefaultBaseURL = "https://qyapi.weixin.qq.com"

// The defaults of Config.
const (
	DefaultTimeout  = 3 * time.Second
	DefaultMaxConns = 64
)

// Config says where WeCom is and how long to wait for it. The zero value
// talks to the real one.
type Config struct {
	BaseURL  string         // scheme, host and port; "" is DefaultBaseURL. Plain http only for a loopback host
	Timeout  time.Duration  // of a whole call, tries and pauses included; 0 is DefaultTimeout
	MaxConns int            // connections held at once; 0 is DefaultMaxConns. Calls beyond wait inside their Timeout
	RootCAs  *x509.CertPool // nil is the system's
	Resolver *net.Resolver  // nil is the system's

	Now    func() time.Time                        // nil is time.Now
	Jitter func(limit time.Duration) time.Duration // from [0, limit); nil draws from crypto/rand
}

// Client calls WeCom. It is safe for concurrent use.
type Client struct {
	base    string // no slash at the end
	timeout time.Duration
	tries   int // of one call, at most
	now     func() time.Time
	jitter  func(time.Duration) time.Duration
	http    *http.Client
}

// New makes a client. It fails when the base address is no place to send a
// secret to; the error says how to mend it and does not repeat the address.
func New(cfg Config) (*Client, error) {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	base, err := parseBase(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Jitter == nil {
		cfg.Jitter = core.Jitter
	}
	return &Client{
		base:    base.Scheme + "://" + base.Host,
		timeout: cfg.Timeout,
		tries:   maxTries,
		now:     cfg.Now,
		jitter:  cfg.Jitter,
		http: &http.Client{
			Transport: newTransport(cfg, isLoopbackHost(base.Hostname())),
			// The redirect itself is handed back, and refused as an answer.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// Once gives a client that tries each call once, for finding out whether WeCom
// answers again. It shares everything else with c.
func (c *Client) Once() *Client {
	once := *c
	once.tries = 1
	return &once
}

func newTransport(cfg Config, loopback bool) *http.Transport {
	dialer := &net.Dialer{Timeout: cfg.Timeout, Resolver: cfg.Resolver, Control: guard(loopback)}
	return &http.Transport{
		Proxy:       nil, // secrets are in the query string: no proxy from the environment
		DialContext: dialer.DialContext,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            cfg.RootCAs,
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		},
		TLSHandshakeTimeout: cfg.Timeout,
		// A connection serves one call. On one that is kept, net/http repeats a
		// call of its own accord, and writes bytes that come after an answer to
		// the program's log: they may be a token. Calls are rare (three for an
		// app in two hours), and TLS sessions are resumed.
		DisableKeepAlives:      true,
		DisableCompression:     true, // the limit on an answer is then one on what crosses the wire
		MaxConnsPerHost:        cfg.MaxConns,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

var (
	errBaseForm   = errors.New("the WeCom address must be https:// and a host, such as " + DefaultBaseURL)
	errBasePlain  = errors.New("the WeCom address must begin with https://, because secrets travel in it; http:// is taken for a loopback address (localhost, 127.0.0.1, [::1]) only")
	errBaseParts  = errors.New("the WeCom address must end after the host and port: remove the user, path, query and fragment")
	errBasePortNo = errors.New("the WeCom address must have a port from 1 to 65535, or none")
)

func parseBase(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || base.Opaque != "" || base.Hostname() == "" {
		return nil, errBaseForm // the parser's error repeats the text, which may hold a password
	}
	switch strings.ToLower(base.Scheme) {
	case "https":
	case "http":
		if !isLoopbackHost(base.Hostname()) {
			return nil, errBasePlain
		}
	default:
		return nil, errBaseForm
	}
	if base.User != nil || base.Path != "" && base.Path != "/" || base.RawQuery != "" || base.ForceQuery || base.Fragment != "" {
		return nil, errBaseParts
	}
	if port := base.Port(); port != "" || strings.HasSuffix(base.Host, ":") {
		if _, err := netip.ParseAddrPort("127.0.0.1:" + port); err != nil || strings.Trim(port, "0") == "" {
			return nil, errBasePortNo
		}
	}
	return base, nil
}
