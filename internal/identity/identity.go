package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/webauthn"

	"signet/internal/core"
	"signet/internal/seal"
	"signet/internal/store"
)

// Config is what an Identity is made of. All but Clock and what says nil must be set.
type Config struct {
	Store  *store.Store
	Sealer *seal.Sealer
	Opener *seal.Opener // for seal.SessionKey and seal.Factor

	// NewPlatformKey makes the first scope key of the platform, wrapped. It is
	// kept only where the platform has none yet.
	NewPlatformKey func() (seal.WrappedKey, error)

	Breached      *Breached // passwords that nobody may choose; nil: no list
	Mailer        Mailer    // nil: there is no mail
	Notifier      Notifier  // nil: members are told of nothing
	OIDC          *OIDC     // nil: there is no sign-in provider
	WeCom         WeCom     // nil: nobody comes in through WeCom
	WeComLoginURL string    // SIGNET_WECOM_LOGIN_URL: where people confirm that they do

	// SecondFactorRequired wants a second factor of the platform's people: a session that
	// was begun without one has no role on the platform.
	SecondFactorRequired bool

	Issuer string           // SIGNET_CONSOLE_URL: who the access tokens say they come from
	Clock  func() time.Time // default time.Now
}

// The life of a session. OWASP ASVS 5.0, 7.3 wants both bounds; a console that
// holds other people's secrets should ask for the password once a week, and not
// outlive an evening on a machine that was left behind.
const (
	sessionLife = 7 * 24 * time.Hour
	idleLife    = 24 * time.Hour
)

// Identity knows who is at the console. Make one with New; it is safe for
// concurrent use.
type Identity struct {
	store     *store.Store
	sealer    *seal.Sealer
	opener    *seal.Opener
	clock     func() time.Time
	passwords *passwords
	clients   *tries[netip.Prefix]
	refusals  *refusals
	keyring   *keyring
	relying   *webauthn.WebAuthn
	mailer    Mailer
	notifier  Notifier
	provider  *provider
	asks      *asks
	breached  *Breached

	weCom         WeCom
	weComLoginURL string
	consoleURL    string

	wantsSecondFactor bool // of the platform's people

	newPlatformKey func() (seal.WrappedKey, error)
}

// New loads the key that signs access tokens, or makes it where the platform
// has none: of nodes that start at once all get the same. It fails where a
// stored key does not open, or is not the pair of the public half beside it.
func New(ctx context.Context, cfg Config) (*Identity, error) {
	if cfg.Store == nil || cfg.Sealer == nil || cfg.Opener == nil || cfg.NewPlatformKey == nil || cfg.Issuer == "" {
		return nil, errors.New("identity: Config is not complete")
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	keys, err := loadSessionKeys(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return newIdentity(cfg, keys, defaultCost)
}

func newIdentity(cfg Config, keys sessionKeys, c cost) (*Identity, error) {
	relying, err := newRelyingParty(cfg.Issuer)
	if err != nil {
		return nil, err
	}
	i := &Identity{
		store:     cfg.Store,
		sealer:    cfg.Sealer,
		opener:    cfg.Opener,
		clock:     cfg.Clock,
		passwords: newPasswords(c),
		clients:   newTries[netip.Prefix](triesPerClient),
		refusals:  &refusals{},
		keyring:   newKeyring(cfg, keys),
		relying:   relying,
		mailer:    cfg.Mailer,
		notifier:  cfg.Notifier,
		asks:      newAsks(),
		breached:  cfg.Breached,

		weCom:         cfg.WeCom,
		weComLoginURL: strings.TrimSuffix(cfg.WeComLoginURL, "/"),
		consoleURL:    strings.TrimSuffix(cfg.Issuer, "/"),

		wantsSecondFactor: cfg.SecondFactorRequired,
		newPlatformKey:    cfg.NewPlatformKey,
	}
	if cfg.OIDC != nil {
		i.provider = newProvider(*cfg.OIDC, cfg.Clock)
	}
	return i, nil
}

// PasswordsHashed is how often this Identity has hashed a password, to store it or to
// compare it, whoever it was for. A try that a brake holds hashes nothing.
func (i *Identity) PasswordsHashed() int64 { return i.passwords.hashed.Load() }

// Session is what a sign-in or a refresh gives. The two tokens are the
// member's alone.
type Session struct {
	AccessToken  core.Secret
	ExpiresIn    time.Duration // of AccessToken, in whole seconds
	Refresh      core.Secret   // good for one Refresh or SignOut
	Device       core.Secret   // by which the browser is to be known, zero: as before
	RefreshUntil time.Time
	Member       core.Member
	Grants       core.Grants
}

// part is how Signet itself is named in the audit where it acts through this
// room.
const part = "identity"

func actorOf(m core.Member, grants core.Grants, requestID string) core.Actor {
	return core.Actor{Kind: core.ActorMember, MemberID: m.ID, Name: m.Email, RequestID: requestID, Grants: grants}
}

func system(requestID string) core.Actor {
	actor := core.System(part)
	actor.RequestID = requestID
	return actor
}

// grantsOf reads what a member may do now, by a session that was begun with a second
// factor or without, and that may hold in one tenant alone.
func (i *Identity) grantsOf(ctx context.Context, m core.Member, secondFactor bool, onlyTenant core.TenantID) (core.Grants, error) {
	grants := core.Grants{Platform: m.Platform, Tenants: map[core.TenantID]core.Role{}}
	switch {
	case !onlyTenant.IsZero():
		grants.Platform = ""
	case i.wantsSecondFactor && !secondFactor:
		grants.Platform, grants.Withheld = "", m.Platform
	}
	err := i.store.System(ctx, func(tx *store.SystemTx) error {
		memberships, err := tx.ListMemberships(ctx, m.ID)
		for _, b := range memberships {
			if !onlyTenant.IsZero() && b.TenantID != onlyTenant {
				continue
			}
			grants.Tenants[b.TenantID] = b.Role
			if b.SecondFactorRequired && !secondFactor {
				if grants.Unproved == nil {
					grants.Unproved = map[core.TenantID]bool{}
				}
				grants.Unproved[b.TenantID] = true
			}
		}
		return err
	})
	return grants, err
}

const refreshTokenLength = 32

// newRefreshToken draws 256 random bits. They are stored hashed only; a plain
// SHA-256 is enough for what nobody can guess.
func newRefreshToken() (token core.Secret, hash [32]byte) {
	var raw [refreshTokenLength]byte
	_, _ = rand.Read(raw[:]) // crypto/rand never fails (it stops the program instead)
	return core.NewSecret(base64.RawURLEncoding.EncodeToString(raw[:])), sha256.Sum256(raw[:])
}

// hashRefreshToken reads the one spelling of a refresh token.
func hashRefreshToken(token core.Secret) (hash [32]byte, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(token.Expose())
	if err != nil || len(raw) != refreshTokenLength || base64.RawURLEncoding.EncodeToString(raw) != token.Expose() {
		return hash, false
	}
	return sha256.Sum256(raw), true
}
