package wecomtest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FindFault gives the fault of that name: a row of the list of upstream faults
// (wecom-upstream-faults.json) that an HTTP server can show. Its API, Corp,
// Agent and Times are for the caller to set.
func FindFault(name string) (Fault, bool) {
	f, ok := presets[name]
	f.Name, f.Header = name, maps.Clone(f.Header)
	return f, ok
}

// FaultNames lists the names that FindFault knows, in order.
func FaultNames() []string {
	names := make([]string, 0, len(presets))
	for name := range presets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

var presets = map[string]Fault{
	"ok":               {},
	"errcode-40001":    {Errcode: 40001},
	"40091":            {Errcode: 40091},
	"60020":            {Errcode: 60020},
	"45009":            {Errcode: 45009},
	"45033":            {Errcode: 45033},
	"-1":               {Errcode: -1},
	"50001/50002":      {Errcode: 50001},
	"unknown-errcode":  {Errcode: 99999},
	"expires-0":        {ExpiresIn: "0"},
	"expires-huge":     {ExpiresIn: "9223372036854775807"},
	"expires-string":   {ExpiresIn: `"7200"`},
	"ticket-empty":     {Value: new("")},
	"ticket-ampersand": {Value: new("ticket&noncestr=x\n")},
	"ticket-1MiB":      {Value: new(strings.Repeat("t", 1<<20))},
	"json-array":       {Body: "[]"},
	"json-dup":         {Body: `{"errcode":0,"errcode":40001,"errmsg":"ok","access_token":"t","ticket":"t","expires_in":7200}`},
	"json-deep":        {Body: strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)},
	"bom":              {Prefix: "\uFEFF"},
	"truncated":        {Behaviour: Truncate},
	"chunk-drip":       {Behaviour: Drip, Delay: 5 * time.Second},
	"accept-no-reply":  {Behaviour: Hang},
	"header-drip":      {Behaviour: HeaderDrip, Delay: time.Second},
	"reset-mid":        {Behaviour: ResetMid},
	"redirect-302":     {Status: http.StatusFound, Header: map[string]string{"Location": "http://127.0.0.1/"}},
	"http-500":         {Status: http.StatusInternalServerError, Body: "internal error"},
	"http-502-html":    {Status: http.StatusBadGateway, Body: "<html><body>502 Bad Gateway</body></html>"},
	"http-429":         {Status: http.StatusTooManyRequests, Body: "slow down", Header: map[string]string{"Retry-After": "30"}},
	"http-503-ra-huge": {Status: http.StatusServiceUnavailable, Body: "away", Header: map[string]string{"Retry-After": "999999999"}},
	"clock-skew-date":  {Header: map[string]string{"Date": "Thu, 01 Jan 2015 00:00:00 GMT"}},
}
