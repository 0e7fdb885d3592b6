package signapi

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"signet/internal/core"
	"signet/internal/fault"
	"signet/internal/httpapi"
)

// The default rates. A whole enterprise may sit behind one address, and each
// change of chat is one call; they are there to stop a loop, not a busy morning.
// An app key stands in every page, so a low rate of an app would be a switch
// with which a stranger turns it off: that rate only keeps one app from taking
// the whole machine.
var (
	defaultPerAddress = httpapi.Rate{PerSecond: 1000, Burst: 5000}
	defaultPerApp     = httpapi.Rate{PerSecond: 5000, Burst: 20_000}
)

// maxKeys bounds the memory of each limiter, about 100 bytes a key.
const maxKeys = 1 << 16

// rates are the brakes of the public listener: on a client, whoever it asks for,
// and on an app, whoever asks for it, so that one app's crowd is not another's
// trouble.
type rates struct {
	perAddress   *httpapi.Limiter[[16]byte] // by the network of the address, as IPv6
	perApp       *httpapi.Limiter[core.AppKey]
	addressQuota string // as RateLimit-Policy says it
	appQuota     string
}

func newRates(perAddress, perApp httpapi.Rate) *rates {
	if perAddress == (httpapi.Rate{}) {
		perAddress = defaultPerAddress
	}
	if perApp == (httpapi.Rate{}) {
		perApp = defaultPerApp
	}
	return &rates{
		perAddress:   httpapi.NewLimiter[[16]byte](perAddress, maxKeys),
		perApp:       httpapi.NewLimiter[core.AppKey](perApp, maxKeys),
		addressQuota: quotaOf("address", perAddress),
		appQuota:     quotaOf("app", perApp),
	}
}

// takeAddress counts a call of a client. It fails with fault.RateLimitedCode. A
// client on the machine itself is not counted: it is a proxy that is not listed,
// behind which everybody would share one allowance, or somebody who can stop
// the process anyway.
func (r *rates) takeAddress(fctx *fasthttp.RequestCtx, client netip.Addr, now time.Time) error {
	if client.IsLoopback() {
		return nil
	}
	if wait := r.perAddress.Take(networkKey(client), now); wait > 0 {
		return refuseRate(fctx, "address", r.addressQuota, wait)
	}
	return nil
}

// networkKey tells networks apart: the first address of each, which for IPv4 is
// written as IPv6 and so in no /64 that begins with it.
func networkKey(client netip.Addr) [16]byte {
	return httpapi.NetworkOf(client).Addr().As16()
}

// takeApp counts a call for an app. A text that is no app key costs the Signer
// one look into memory and is not counted. It fails with fault.RateLimitedCode.
func (r *rates) takeApp(fctx *fasthttp.RequestCtx, appKey string, now time.Time) error {
	key, ok := core.ParseAppKey(appKey)
	if !ok {
		return nil
	}
	if wait := r.perApp.Take(key, now); wait > 0 {
		return refuseRate(fctx, "app", r.appQuota, wait)
	}
	return nil
}

// refuseRate sets the headers of draft-ietf-httpapi-ratelimit-headers-10.
func refuseRate(fctx *fasthttp.RequestCtx, policy, quota string, wait time.Duration) error {
	seconds := int64((wait + time.Second - 1) / time.Second)
	h := &fctx.Response.Header
	h.Set("RateLimit", `"`+policy+`";r=0;t=`+strconv.FormatInt(seconds, 10))
	h.Set("RateLimit-Policy", quota)
	return fault.New(fault.RateLimitedCode, nil).WithRetryAfter(wait)
}

// quotaOf says a rate as so many in the time after which the burst is whole.
func quotaOf(policy string, rate httpapi.Rate) string {
	window := max(int64(float64(rate.Burst)/rate.PerSecond), 1)
	return `"` + policy + `";q=` + strconv.Itoa(rate.Burst) + ";w=" + strconv.FormatInt(window, 10)
}
