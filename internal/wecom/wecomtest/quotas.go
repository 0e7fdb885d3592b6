package wecomtest

import (
	"net/netip"
	"time"

	"signet/internal/core"
	"signet/internal/wecom"
)

// Limits are WeCom's limits of frequency (protocol notes 1.1 and 1.4). Each is
// counted over the hour or minute that lies behind a call, so that no burst
// over the turn of a clock hour passes.
type Limits struct {
	CorpTickets int // ticket fetches an hour for a corp, both kinds together; 400
	AppTickets  int // ticket fetches an hour for an app, both kinds together; 100
	WrongCalls  int // wrong calls an hour from an address until it is locked out; 2,000

	CorpMinute, CorpHour     int // one API, for a corp; 10,000 and 150,000
	CallerMinute, CallerHour int // one API, from an address; 20,000 and 600,000
}

func (l Limits) orDefaults() Limits {
	set := func(limit *int, standard int) {
		if *limit <= 0 {
			*limit = standard
		}
	}
	set(&l.CorpTickets, 400)
	set(&l.AppTickets, 100)
	set(&l.WrongCalls, 2000)
	set(&l.CorpMinute, 10_000)
	set(&l.CorpHour, 150_000)
	set(&l.CallerMinute, 20_000)
	set(&l.CallerHour, 600_000)
	return l
}

// meterKey names what is counted: the members that do not matter are zero.
type meterKey struct {
	what   string
	corp   core.CorpID
	agent  core.AgentID
	api    wecom.API
	caller netip.Addr
}

// meter counts over a span that slides, and blocks for as long as that span
// when there was too much: minute limits 60 s, hour limits 60 min (protocol
// notes 1.4).
type meter struct {
	limit int
	span  time.Duration
	times []int64 // unix nanoseconds, ascending
	until time.Time
}

func (s *Server) meter(key meterKey, limit int, span time.Duration) *meter {
	m := s.meters[key]
	if m == nil {
		m = &meter{limit: limit, span: span}
		s.meters[key] = m
	}
	return m
}

func (m *meter) blocks(now time.Time) bool { return now.Before(m.until) }

// take counts a call and tells whether it is still within the limit. The first
// call beyond it begins the block.
func (m *meter) take(now time.Time) bool {
	if m.blocks(now) {
		return false
	}
	m.slide(now)
	if len(m.times) >= m.limit {
		m.block(now)
		return false
	}
	m.times = append(m.times, now.UnixNano())
	return true
}

// note counts something that has happened. The one that reaches the limit
// begins the block.
func (m *meter) note(now time.Time) {
	if m.blocks(now) {
		return
	}
	m.slide(now)
	m.times = append(m.times, now.UnixNano())
	if len(m.times) >= m.limit {
		m.block(now)
	}
}

func (m *meter) block(now time.Time) {
	m.until = now.Add(m.span)
	m.times = nil
}

func (m *meter) slide(now time.Time) {
	oldest := now.Add(-m.span).UnixNano()
	old := 0
	for old < len(m.times) && m.times[old] <= oldest {
		old++
	}
	m.times = m.times[old:]
}

func (s *Server) wrongCalls(caller netip.Addr) *meter {
	return s.meter(meterKey{what: "wrong", caller: caller}, s.cfg.Limits.WrongCalls, time.Hour)
}

// takeCaller counts a call for its address.
func (s *Server) takeCaller(api wecom.API, caller netip.Addr, now time.Time) bool {
	minute := s.meter(meterKey{what: "minute", api: api, caller: caller}, s.cfg.Limits.CallerMinute, time.Minute)
	hour := s.meter(meterKey{what: "hour", api: api, caller: caller}, s.cfg.Limits.CallerHour, time.Hour)
	return minute.take(now) && hour.take(now)
}

// takeCorp counts a call for its corp.
func (s *Server) takeCorp(api wecom.API, corp core.CorpID, now time.Time) bool {
	minute := s.meter(meterKey{what: "minute", api: api, corp: corp}, s.cfg.Limits.CorpMinute, time.Minute)
	hour := s.meter(meterKey{what: "hour", api: api, corp: corp}, s.cfg.Limits.CorpHour, time.Hour)
	return minute.take(now) && hour.take(now)
}

// takeTicket counts a ticket fetch for its app and its corp.
func (s *Server) takeTicket(app App, now time.Time) bool {
	byApp := s.meter(meterKey{what: "tickets", corp: app.Corp, agent: app.Agent}, s.cfg.Limits.AppTickets, time.Hour)
	byCorp := s.meter(meterKey{what: "tickets", corp: app.Corp}, s.cfg.Limits.CorpTickets, time.Hour)
	return !byCorp.blocks(now) && byApp.take(now) && byCorp.take(now)
}
