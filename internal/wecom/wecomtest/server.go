package wecomtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"signet/internal/core"
	"signet/internal/wecom"
)

// The calls that the fake answers beside those that Signet's client makes.
const (
	ListAgents     wecom.API = "agent/list"
	GetAPIAddrs    wecom.API = "get_api_domain_ip"
	GetCallbackIPs wecom.API = "getcallbackip"
)

// Mode says what a repeated fetch brings while a value still lives. WeCom does
// not document it, so a client must work with each (protocol notes 1.1, 1.3).
type Mode string

// The modes. Whatever the mode says, a value dies at its own end.
const (
	SameValue    Mode = "same"      // the same value with its remaining seconds
	SameFullLife Mode = "same_7200" // the same value, and 7200 is claimed each time
	NewValue     Mode = "new"       // a new value each time, the older ones live on
	NewVoidsOld  Mode = "new_voids" // a new value each time, the older ones die
)

// ParseMode reads a mode as a flag or a body writes it.
func ParseMode(text string) (Mode, error) {
	switch m := Mode(text); m {
	case SameValue, SameFullLife, NewValue, NewVoidsOld:
		return m, nil
	}
	return "", fmt.Errorf("mode must be %s, %s, %s or %s", SameValue, SameFullLife, NewValue, NewVoidsOld)
}

// DefaultLife is the life of tokens and tickets (protocol notes 1.1, 1.2).
const DefaultLife = 7200 * time.Second

// Config sets the fake up. The zero value behaves as WeCom is documented to.
type Config struct {
	Clock      func() time.Time // nil is time.Now
	Mode       Mode             // "" is SameValue
	TicketMode Mode             // of tickets where it differs; "" is Mode
	Life       time.Duration    // whole seconds; 0 is DefaultLife
	Seed       []byte           // values are derived from it; nil draws one, and a restart without StateFile then knows nothing
	StateFile  string           // keeps seed and apps, see LoadApps; "" keeps none
	Limits     Limits           // zero members are WeCom's own
	Domains    DomainRule       // "" is DomainSubdomain

	// SharedCorpTicket gives all apps of a corp one corp ticket. Without it
	// each credential gets its own, which names it.
	SharedCorpTicket bool

	// Caller tells the address a call comes from; nil takes the connection's.
	Caller func(*http.Request) netip.Addr
}

// Server is a fake WeCom: an http.Handler with a memory.
type Server struct {
	cfg     Config
	seeded  bool
	started time.Time
	control http.Handler

	mu       sync.Mutex // guards everything below
	idle     *sync.Cond // of mu: inside has become 0
	inside   int        // calls in flight
	url      string
	corps    map[core.CorpID][]*credential
	secrets  map[string][]*credential
	given    map[valueKey][]*value
	byText   map[string]*value
	meters   map[meterKey]*meter
	codes    map[string]*signInCode
	faults   []*laidFault
	log      []Call
	hints    int
	hanging  int
	release  chan struct{} // closed and replaced by Release
	hangings chan struct{} // closed and replaced whenever hanging changes
}

// New makes a fake without any app.
func New(cfg Config) *Server {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Mode == "" {
		cfg.Mode = SameValue
	}
	if cfg.TicketMode == "" {
		cfg.TicketMode = cfg.Mode
	}
	if cfg.Life <= 0 {
		cfg.Life = DefaultLife
	}
	if cfg.Domains == "" {
		cfg.Domains = DomainSubdomain
	}
	if cfg.Caller == nil {
		cfg.Caller = connectionAddr
	}
	cfg.Limits = cfg.Limits.orDefaults()
	seeded := cfg.Seed != nil
	if !seeded {
		cfg.Seed = make([]byte, 32)
		_, _ = rand.Read(cfg.Seed) // crypto/rand never fails (it stops the program instead)
	}
	s := &Server{
		cfg:      cfg,
		seeded:   seeded,
		started:  cfg.Clock(),
		corps:    make(map[core.CorpID][]*credential),
		secrets:  make(map[string][]*credential),
		given:    make(map[valueKey][]*value),
		byText:   make(map[string]*value),
		meters:   make(map[meterKey]*meter),
		codes:    make(map[string]*signInCode),
		release:  make(chan struct{}),
		hangings: make(chan struct{}),
	}
	s.idle = sync.NewCond(&s.mu)
	s.control = s.newControl()
	return s
}

// ServeHTTP implements http.Handler: WeCom's paths under /cgi-bin/ and the
// control surface under /_fake/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.enter()
	defer s.leave()

	if strings.HasPrefix(r.URL.Path, controlPath) {
		s.control.ServeHTTP(w, r)
		return
	}
	if r.Method == http.MethodGet && r.URL.Path == LoginPath || r.Method == http.MethodPost && r.URL.Path == confirmPath {
		s.serveSignIn(w, r)
		return
	}
	api, ok := apis[strings.TrimPrefix(r.URL.Path, "/cgi-bin/")]
	if !ok || !strings.HasPrefix(r.URL.Path, "/cgi-bin/") {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "use GET", http.StatusMethodNotAllowed)
		return
	}
	s.deliver(w, r, s.answer(api, r))
}

var apis = map[string]wecom.API{
	string(wecom.GetToken):       wecom.GetToken,
	string(wecom.GetCorpTicket):  wecom.GetCorpTicket,
	string(wecom.GetAgentTicket): wecom.GetAgentTicket,
	string(wecom.GetAgent):       wecom.GetAgent,
	string(wecom.GetUser):        wecom.GetUser,
	string(ListAgents):           ListAgents,
	string(GetAPIAddrs):          GetAPIAddrs,
	string(GetCallbackIPs):       GetCallbackIPs,
}

// Serve answers on the listener until ctx ends, then lets every call in flight
// go and waits for it. It gives nil when it was ctx that ended it.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	// Calls hang on the context of their request, which ends with this one.
	calls, end := context.WithCancel(ctx)
	defer end()
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return calls },
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()

	s.mu.Lock()
	s.url = "http://" + listener.Addr().String()
	s.mu.Unlock()

	err := server.Serve(listener)
	end()
	_ = server.Close()
	s.drain()
	if errors.Is(err, http.ErrServerClosed) && ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve the fake WeCom: %w", err)
}

func (s *Server) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside++
}

func (s *Server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inside--; s.inside == 0 {
		s.idle.Broadcast()
	}
}

func (s *Server) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.inside > 0 {
		s.idle.Wait()
	}
}

// URL is the base address while Serve runs, "" before.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// TB is what Start needs of testing.TB; that package itself has no place in a
// shipped binary.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Start makes a fake that listens on a free port of 127.0.0.1 until the test
// ends.
func Start(t TB, cfg Config) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for the fake WeCom: %v", err)
	}
	s := New(cfg)
	s.mu.Lock()
	s.url = "http://" + listener.Addr().String()
	s.mu.Unlock()

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		<-done //nolint:errcheck // Serve gives nil when it was ended
	})
	return s
}

func connectionAddr(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.IPv4Unspecified() // an in-memory connection has no address
	}
	return at.Addr().Unmap()
}
