package consoleapi

import (
	"strconv"
	"strings"

	"signet/internal/fault"
)

// A version travels as a strong entity tag: the number in quotes.
func etagOf(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// noVersion is the version of nothing: versions count from 1.
const noVersion = int64(0)

// ifMatch reads If-Match (RFC 9110 13.1.1): nil for "*", which matches whatever
// is there, else the version that must be there. A tag that is none of ours, or
// a weak one, matches nothing; of several, the one that is current counts, so
// that current is asked then. It fails with fault.RequestInvalid for what is no
// list of entity tags.
func ifMatch(header string, current func() (int64, error)) (*int64, error) {
	header = strings.TrimSpace(header)
	if header == "*" {
		return nil, nil
	}
	var versions []int64
	for tag := range strings.SplitSeq(header, ",") {
		version, ok := parseETag(strings.TrimSpace(tag))
		if !ok {
			return nil, fault.InvalidField("?If-Match", fault.ReasonIfMatch, nil)
		}
		versions = append(versions, version)
	}
	if len(versions) == 1 {
		return &versions[0], nil
	}
	now, err := current()
	if err != nil {
		return nil, err
	}
	for _, version := range versions {
		if version == now {
			return &now, nil
		}
	}
	return nil, fault.New(fault.IfMatchConflict, nil)
}

// mustIfMatch is ifMatch for a change, which needs the header. It fails with
// fault.IfMatchMissing without.
func mustIfMatch(header *string, current func() (int64, error)) (*int64, error) {
	if header == nil {
		return nil, fault.New(fault.IfMatchMissing, nil)
	}
	return ifMatch(*header, current)
}

// mayIfMatch is ifMatch for a deletion, which does without.
func mayIfMatch(header *string, current func() (int64, error)) (*int64, error) {
	if header == nil {
		return nil, nil
	}
	return ifMatch(*header, current)
}

// parseETag reads one entity tag; ok is false for what is none.
func parseETag(tag string) (version int64, ok bool) {
	strong, isWeak := strings.CutPrefix(tag, "W/")
	if len(strong) < 2 || strong[0] != '"' || strong[len(strong)-1] != '"' {
		return 0, false
	}
	text := strong[1 : len(strong)-1]
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c == '"' || c == 0x7f {
			return 0, false
		}
	}
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || isWeak || version < 1 || etagOf(version) != strong {
		return noVersion, true
	}
	return version, true
}
