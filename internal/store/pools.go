package store

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// PoolUse is how a pool of connections is used.
type PoolUse struct {
	Role     string // "tenants" or "system": as which login role
	InUse    int    // connections that somebody holds
	Idle     int
	Most     int           // how many there may be
	Waits    int64         // how often somebody had to wait for one
	WaitTime time.Duration // how long in all
	GaveUp   int64         // how often somebody waited in vain
	Made     int64         // connections made
}

// Pools tells how both pools are used.
func (s *Store) Pools() []PoolUse {
	return []PoolUse{useOf("tenants", s.tenants), useOf("system", s.system)}
}

func useOf(role string, pool *pgxpool.Pool) PoolUse {
	stat := pool.Stat()
	return PoolUse{
		Role:  role,
		InUse: int(stat.AcquiredConns()), Idle: int(stat.IdleConns()), Most: int(stat.MaxConns()),
		Waits: stat.EmptyAcquireCount(), WaitTime: stat.EmptyAcquireWaitTime(), GaveUp: stat.CanceledAcquireCount(),
		Made: stat.NewConnsCount(),
	}
}
