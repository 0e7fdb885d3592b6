package wecom

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"signet/internal/fault"
)

// Error is a call that brought nothing. It never changes once it was returned.
type Error struct {
	API        API
	Errcode    int           // WeCom's number; 0: there was no usable answer
	Status     int           // of HTTP where it was not 200, else 0
	Class      Class         // what to do about it
	IP         string        // our own address as a 60020 told it, "" if it did not
	RetryAfter time.Duration // at most MaxRetryAfter; 0: not said
	Tries      int           // how often WeCom was asked
	cause      error         // one of the sentences below; foreign text never
}

// Error implements error. The text is made of our own words and of numbers.
func (e *Error) Error() string {
	text := "wecom " + string(e.API) + ": "
	switch {
	case e.Errcode != 0:
		_, meaning := Meaning(e.Errcode)
		text += "errcode " + strconv.Itoa(e.Errcode) + ", " + meaning
	case e.Status != 0:
		text += "no usable answer, status " + strconv.Itoa(e.Status)
	default:
		text += "no usable answer"
	}
	if e.cause != nil && !errors.Is(e.cause, errStatus) {
		text += ": " + e.cause.Error()
	}
	return text
}

// Unwrap gives the cause: it may be compared with the errors of context and of
// syscall, and holds nothing that may not be shown.
func (e *Error) Unwrap() error { return e.cause }

// Refused tells whether WeCom counts the call as a wrong one, of which 2,000
// within an hour lock our address out (protocol notes 1.1). A number that is
// not in the table counts too: to stop too early costs one trial, too late
// costs every tenant.
func (e *Error) Refused() bool {
	switch e.Errcode {
	case 0, errcodeBusy, errcodeConflict, errcodeFrequency, errcodeConcurrency:
		return false
	}
	return true
}

// DeadSecret tells whether the secret itself was refused, so that the same
// secret must not be tried again: 40001 and 40091 mean that only when gettoken
// says it, a wrong corp id (40013) always.
func (e *Error) DeadSecret() bool {
	switch e.Errcode {
	case errcodeCredential, errcodeForeignSecret:
		return e.API == GetToken
	}
	return e.Errcode == errcodeCorpID
}

// Reason says in the words of the console why WeCom refused a secret that was
// being tried.
func (e *Error) Reason() fault.Reason {
	switch e.Errcode {
	case errcodeCredential:
		return fault.ReasonWrongSecret
	case errcodeCorpID, errcodeForeignSecret:
		return fault.ReasonWrongCorp
	case errcodeAgentID, errcodeForeignAgent:
		return fault.ReasonWrongAgent
	case errcodeDisabled:
		return fault.ReasonAppDisabled
	case errcodeIP:
		return fault.ReasonIPRefused
	}
	return fault.ReasonOther
}

// The waits that a fault tells where WeCom did not say one.
const (
	waitConfigured  = time.Minute // a person mends it; trusted IPs take about a minute (protocol notes 5)
	waitUnavailable = 5 * time.Second
)

// Fault translates an error of this package into the public one:
// fault.SecretRejected, fault.IPRefused (args: ip), fault.WeComQuota or
// fault.WeComUnavailable, always with RetryAfter, and with WeCom's number. An
// app that is disabled in WeCom is unavailable with the reason named, since its
// secret is good again the moment it is enabled. Any other error is handled as
// by fault.Find; nil is nil.
func Fault(err error) *fault.Error {
	if err == nil {
		return nil
	}
	var e *Error
	if !errors.As(err, &e) {
		return fault.Find(err)
	}
	code, args, wait := fault.WeComUnavailable, fault.Args(nil), waitUnavailable
	switch {
	case e.DeadSecret():
		code, wait = fault.SecretRejected, waitConfigured
	case e.Errcode == errcodeIP:
		code, wait, args = fault.IPRefused, waitConfigured, fault.Args{"ip": e.IP}
	case e.Errcode == errcodeFrequency:
		code, wait = fault.WeComQuota, MaxRetryAfter
	case e.Errcode == 0 && e.Class == BackOff: // 429
		code, wait = fault.WeComQuota, waitConfigured
	case e.Class == Configure:
		wait = waitConfigured
	}
	if e.RetryAfter > 0 {
		wait = e.RetryAfter
	}
	public := fault.Wrap(err, code, args).WithErrcode(e.Errcode).WithRetryAfter(wait)
	if e.Errcode == errcodeDisabled {
		public = public.WithReason(fault.ReasonAppDisabled)
	}
	return public
}

// refuse turns the failure into one that WeCom named by a number.
func (e *Error) refuse(errcode int, errmsg string) {
	e.Errcode = errcode
	e.Class = classify(e.API, errcode)
	e.cause = nil
	if errcode == errcodeIP {
		e.IP = parseCallerIP(errmsg)
	}
}

func unanswered(api API, cause error) *Error {
	return &Error{API: api, Class: NoAnswer, cause: cause}
}

// unusable is an answer that came and cannot be used.
func unusable(api API, cause error, tries int) *Error {
	failure := unanswered(api, cause)
	failure.Tries = tries
	return failure
}

// sentence is a cause in our own words. It may stand for an error that callers
// compare with.
type sentence struct {
	text string
	is   error
}

func (s *sentence) Error() string { return s.text }
func (s *sentence) Unwrap() error { return s.is }

var (
	errCancelled   = &sentence{"the caller gave up", context.Canceled}
	errTimeout     = &sentence{"not whole in time", context.DeadlineExceeded}
	errDial        = &sentence{"connection refused", syscall.ECONNREFUSED}
	errReset       = &sentence{"connection reset", syscall.ECONNRESET}
	errCut         = &sentence{"cut off", io.ErrUnexpectedEOF}
	errName        = &sentence{text: "the host's name was not resolved"}
	errAddress     = &sentence{text: "the host's name leads to an address that is not public"}
	errCertificate = &sentence{text: "the certificate is not trusted"}
	errTLS         = &sentence{text: "no TLS of version 1.2 or newer"}
	errTransport   = &sentence{text: "the transport failed"}
	errRedirect    = &sentence{text: "a redirect, which is not followed"}
	errLarge       = &sentence{text: "larger than 64 KiB"}
	errNotJSON     = &sentence{text: "not the JSON that was expected"}
	errUnusable    = &sentence{text: "a value is missing or cannot be used"}
	errStatus      = &sentence{text: "a status other than 200"}
)

// strip replaces an error of net/http by a sentence of ours. Theirs carry the
// whole address, and with it the secret or the token; those below it carry
// names, addresses, or bytes of the answer.
func strip(ctx context.Context, err error) error {
	var (
		timeout     net.Error
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		unknown     x509.UnknownAuthorityError
	)
	switch {
	case errors.Is(ctx.Err(), context.Canceled) || errors.Is(err, context.Canceled):
		return errCancelled
	case ctx.Err() != nil, errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	case errors.Is(err, errAddress):
		return errAddress
	case errors.As(err, &name):
		return errName
	case errors.Is(err, syscall.ECONNREFUSED):
		return errDial
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return errReset
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errCut
	case errors.As(err, &certificate), errors.As(err, &unknown):
		return errCertificate
	case strings.Contains(err.Error(), "tls: "): // crypto/tls has no type for most of its errors
		return errTLS
	}
	return errTransport
}
