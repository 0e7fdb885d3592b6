package store

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"signet/internal/fault"
)

// retryAfter is what a caller is told while Postgres is away.
const retryAfter = 5 * time.Second

// The server's codes that this package asks about by name.
const (
	insufficientPrivilege = "42501"
	undefinedTable        = "42P01"
	duplicateObject       = "42710"
	uniqueViolation       = "23505"
	lockTimeout           = "55P03"
	cannotConnectNow      = "57P03"
)

// constraintCodes says what it means to the outside that a named constraint
// was broken. A constraint without a row here is a mistake of ours.
var constraintCodes = map[string]fault.Code{
	"apps_agent":           fault.AppExists,
	"apps_corp":            fault.CorpUnknown,
	"trusted_domains_host": fault.DomainExists,
	"trusted_domains_app":  fault.AppUnknown,
	"app_secrets_app":      fault.AppUnknown,
	"tickets_app":          fault.AppUnknown,
	"tickets_corp":         fault.CorpUnknown,
	"ticket_leases_app":    fault.AppUnknown,
	"ticket_leases_corp":   fault.CorpUnknown,
	"corps_tenant":         fault.TenantUnknown,
	"memberships_tenant":   fault.TenantUnknown,
	"legacy_hosts_pkey":    fault.LegacyHostTaken,
	"legacy_hosts_app":     fault.AppUnknown,
	"members_email":        fault.MemberExists,
	"factors_credential":   fault.FactorExists,
	"intake_links_app":     fault.AppUnknown,
	"api_keys_app":         fault.AppUnknown,
	"api_keys_tenant":      fault.TenantUnknown,

	"idempotent_answers_tenant": fault.TenantUnknown,
	"memberships_pkey":          fault.MemberExists,
	"invitations_tenant":        fault.TenantUnknown,

	"apps_one_sign_in":        fault.SignInAppExists,
	"wecom_people_pkey":       fault.WeComBound,
	"wecom_people_member":     fault.WeComBound,
	"wecom_people_membership": fault.WeComUnbound,
}

// broke tells whether an error says that one of the named constraints was broken.
func broke(err error, constraints ...string) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains(constraints, pg.ConstraintName)
}

// translate names an error of the driver. What already has a name keeps it.
func translate(err error) error {
	var named *fault.Error
	if err == nil || errors.As(err, &named) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return translateServer(pg)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &connect), errors.As(err, &network),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), // the server's process is gone
		errors.Is(err, net.ErrClosed), pgconn.Timeout(err), pgconn.SafeToRetry(err):
		return unavailable(err)
	}
	return err
}

// unreachable names an error from before a transaction has begun. Whatever it
// was, nothing has happened and there is no store: a pool that was closed while
// the program ends has no error of its own to be told by.
func unreachable(err error) error {
	named := translate(err)
	if fault.Has(named, fault.StoreUnavailable) {
		return named
	}
	return unavailable(named)
}

func translateServer(pg *pgconn.PgError) error {
	if code, ok := constraintCodes[pg.ConstraintName]; ok {
		return fault.Wrap(stripped(pg), code, nil)
	}
	switch class := pg.Code[:min(2, len(pg.Code))]; {
	case class == "08", // connection
		class == "28",      // password or role refused
		class == "53",      // out of connections, disk or memory
		class == "57",      // shutting down, cancelled by a timeout
		class == "58",      // the server's own system fails it
		pg.Code == "25P03", // idle in a transaction for too long
		pg.Code == "25P04", // a transaction for too long
		pg.Code == "3D000", // no such database
		pg.Code == "25006", // read-only
		pg.Code == "40001", // serialization
		pg.Code == "40P01", // deadlock
		pg.Code == lockTimeout:
		return unavailable(stripped(pg))
	}
	return stripped(pg)
}

func unavailable(cause error) error {
	return fault.Wrap(cause, fault.StoreUnavailable, nil).WithRetryAfter(retryAfter)
}

// stripped keeps of a server error what may go to a log: no detail, which
// quotes the values of the row, and no message of class 22, which quotes the
// value that is no number, or too long.
func stripped(pg *pgconn.PgError) error {
	kept := *pg
	kept.Detail, kept.Where, kept.InternalQuery, kept.Hint = "", "", "", ""
	if strings.HasPrefix(pg.Code, "22") {
		kept.Message = "a value that its column does not take"
	}
	return &kept
}
