package wecomtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"signet/internal/core"
	"signet/internal/wecom"
)

// Behaviour is what happens to an answer on the wire.
type Behaviour string

// The behaviours. All but Empty let the call take effect first, as a server
// does whose answer is lost.
const (
	Hang       Behaviour = "hang"        // no byte until Release or the end of the call, then the answer
	Drip       Behaviour = "drip"        // the headers, then one byte of the body per Delay
	HeaderDrip Behaviour = "header_drip" // one byte per Delay from the first header on
	Reset      Behaviour = "reset"       // RST instead of an answer
	ResetMid   Behaviour = "reset_mid"   // RST after half of the body
	Truncate   Behaviour = "truncate"    // end of the connection after half of the body
	Empty      Behaviour = "empty"       // 200 without a body
)

// Fault is laid over calls. What is zero is left as it would be.
type Fault struct {
	Name string // for the log; the fault is described if it is ""

	// Which calls. Zero members match all.
	API   wecom.API
	Corp  core.CorpID
	Agent core.AgentID
	Times int // how many; 0: every one until ClearFaults

	// Instead of the answer, which then takes no effect.
	Errcode int    // in WeCom's form
	Body    string // raw

	// In the answer.
	Value     *string // the token or ticket
	ExpiresIn string  // raw JSON
	Prefix    string  // before the body

	// Round the answer.
	Status    int // 0 is 200
	Header    map[string]string
	Delay     time.Duration // before the answer, or between two bytes
	Behaviour Behaviour
}

type laidFault struct {
	Fault
	left int // 0: without end
}

// Inject lays a fault over the calls that it matches. Where several match, the
// one laid first comes first.
func (s *Server) Inject(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &laidFault{Fault: f, left: f.Times})
}

// ClearFaults takes all faults away. Calls that hang go on hanging (Release).
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Release lets every call go that hangs now.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.release)
	s.release = make(chan struct{})
}

// AwaitHanging waits until at least n calls hang, or ctx ends.
func (s *Server) AwaitHanging(ctx context.Context, n int) error {
	for {
		s.mu.Lock()
		enough, changed := s.hanging >= n, s.hangings
		s.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takeFault finds the fault of a call and uses it up by one.
func (s *Server) takeFault(req *request) *Fault {
	for i, f := range s.faults {
		if !f.matches(req) {
			continue
		}
		if f.left > 0 {
			if f.left--; f.left == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return &f.Fault
	}
	return nil
}

func (f *Fault) matches(req *request) bool {
	corp, agent := core.CorpID(req.query.Get("corpid")), core.AgentID("")
	if req.by != nil {
		corp, agent = req.by.app.Corp, req.by.app.Agent
	}
	return (f.API == "" || f.API == req.api) && (f.Corp == "" || f.Corp == corp) && (f.Agent == "" || f.Agent == agent)
}

// replaces tells whether the call takes no effect.
func (f *Fault) replaces() bool {
	return f.Errcode != 0 || f.Body != "" || f.Behaviour == Empty || f.Status >= 300
}

// bend changes the members of an answer that brings a value.
func (f *Fault) bend(rep *reply) {
	for i, m := range rep.members {
		switch {
		case f.Value != nil && (m.name == "access_token" || m.name == "ticket"):
			rep.members[i].value, rep.value = *f.Value, *f.Value
		case f.ExpiresIn != "" && m.name == "expires_in":
			rep.members[i].value = jsontext.Value(f.ExpiresIn)
		}
	}
}

func (f *Fault) label() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Behaviour != "":
		return string(f.Behaviour)
	case f.Errcode != 0:
		return strconv.Itoa(f.Errcode)
	case f.Status != 0:
		return "status " + strconv.Itoa(f.Status)
	}
	return "bent"
}

// deliver sends the answer as the fault will have it.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, out outcome) {
	f := out.fault
	if f == nil {
		f = &Fault{}
	}
	body := out.body
	switch {
	case f.Body != "":
		body = []byte(f.Body)
	case f.Behaviour == Empty:
		body = nil
	}
	body = append([]byte(f.Prefix), body...)

	header := w.Header()
	header.Set("Content-Type", "application/json; charset=UTF-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	for name, text := range f.Header {
		header.Set(name, text)
	}
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}

	switch f.Behaviour {
	case Hang:
		s.hang(r.Context())
	case Drip, HeaderDrip:
	default:
		if !wait(r.Context(), f.Delay) {
			return
		}
	}
	switch f.Behaviour {
	case Reset:
		reset(w)
	case HeaderDrip:
		dripHeader(r.Context(), w, f.Delay)
	case Drip:
		w.WriteHeader(status)
		dripBody(r.Context(), w, body, f.Delay)
	case ResetMid, Truncate:
		w.WriteHeader(status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		if f.Behaviour == ResetMid {
			reset(w)
			return
		}
		panic(http.ErrAbortHandler) // ends the connection without a word in the log
	default:
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
}

func (s *Server) hang(ctx context.Context) {
	s.mu.Lock()
	release := s.release
	s.countHanging(1)
	s.mu.Unlock()
	select {
	case <-release:
	case <-ctx.Done():
	}
	s.mu.Lock()
	s.countHanging(-1)
	s.mu.Unlock()
}

func (s *Server) countHanging(change int) {
	s.hanging += change
	close(s.hangings)
	s.hangings = make(chan struct{})
}

// reset makes the connection end with RST where it is TCP.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func dripHeader(ctx context.Context, w http.ResponseWriter, every time.Duration) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = conn.Close() }()
	text := "HTTP/1.1 200 OK\r\nX-Slow: "
	for i := 0; ; i++ {
		c := byte('x') // the header never ends
		if i < len(text) {
			c = text[i]
		}
		if _, err := conn.Write([]byte{c}); err != nil || !wait(ctx, every) {
			return
		}
	}
}

func dripBody(ctx context.Context, w http.ResponseWriter, body []byte, every time.Duration) {
	for i := range body {
		_, err := w.Write(body[i : i+1])
		if err = errors.Join(err, http.NewResponseController(w).Flush()); err != nil || !wait(ctx, every) {
			return
		}
	}
}

// wait lets the time pass; it gives false when the call ended first.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
