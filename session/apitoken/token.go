package apitoken

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-gateway/latchkey/session"
)

const (
	// DefaultLife is how long a token lives by default.
	DefaultLife = 90 * 24 * time.Hour
	// MaxLife is how long it lives at most.
	MaxLife = 366 * 24 * time.Hour
	// MaxTokens is how many tokens one user, or one service, may have.
	MaxTokens = 50
	// MaxName is the length of a name in characters, also of a group of a service.
	MaxName = 64
	// MaxGroups is how many groups a service may have.
	MaxGroups = 64
)

// The errors of a request to make a token. Their text is for the user.
var (
	// ErrName: the name is missing, too long or contains control characters.
	ErrName = fmt.Errorf("the name of a token has 1 to %d characters", MaxName)
	// ErrLife: the token would end in the past, or later than MaxLife from now.
	ErrLife = fmt.Errorf("a token lives for at most %d days", MaxLife/(24*time.Hour))
	// ErrEnd: the text says no time.
	ErrEnd = errors.New("a token ends after a number of days such as 90d, or at a time such as 2027-01-31 or 2027-01-31T12:00:00Z")
	// ErrMany: the user has MaxTokens tokens.
	ErrMany = fmt.Errorf("there are %d tokens already: revoke one first", MaxTokens)
	// ErrService: the name of a service, or one of its groups, cannot be used.
	ErrService = errors.New("the name of a service has lower-case letters, digits, dots, dashes and underscores")
	// ErrGroups: a group of a service has no name, or there are too many.
	ErrGroups = fmt.Errorf("a service has at most %d groups, each with a name of 1 to %d characters", MaxGroups, MaxName)
)

// Token is what is kept of a token. It does not contain the token.
type Token struct {
	// Name is what its owner calls it. App is the only app for which it is good.
	Name, App string
	// Created is when it was made, Expires when it ends.
	Created, Expires time.Time
	// LastUsed is when it was last used, to the hour; zero: never. LastIP is the address of that client.
	LastUsed time.Time
	LastIP   string
	// Service is the name of the service to which it belongs, and Groups are its groups; empty for the token of a user.
	Service string
	Groups  []string

	key     session.Key // of its own entry
	owner   session.Key // of the entry about the user; empty for a service
	version uint64
	// unknown contains fields of a newer version, kept for the next write (A78).
	unknown []byte
}

// Draft is a request to make a token. App and Name are required.
type Draft struct {
	Name, App string
	// Expires is when it ends; zero: after DefaultLife.
	Expires time.Time
}

// IsRequestError reports whether an error says that a request to make a token cannot be fulfilled as it is. Its text is for
// the user.
func IsRequestError(err error) bool {
	for _, one := range []error{ErrName, ErrLife, ErrEnd, ErrMany, ErrService, ErrGroups} {
		if errors.Is(err, one) {
			return true
		}
	}
	return false
}

// ParseEnd reads when a token is to end: a number of days such as 30d, a date, or a time (RFC 3339). Empty: the zero time.
func ParseEnd(text string, now time.Time) (end time.Time, err error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.Add(time.Duration(n) * 24 * time.Hour), nil //nolint:gosec // 16 bits
		}
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if end, err := time.Parse(layout, text); err == nil {
			return end, nil
		}
	}
	return time.Time{}, ErrEnd
}

// Personal reports whether the token belongs to a user.
func (t *Token) Personal() bool { return t.Service == "" }

// Mine reports whether the token belongs to a user.
func (t *Token) Mine(who session.Identity) bool { return t.owner != "" && t.owner == ownerKey(who) }

// ServicePrefix begins the user name of a service. No user of a provider gets such a name.
const ServicePrefix = session.ServicePrefix

// User returns the name by which policies and applications know a service.
func (t *Token) User() string { return ServicePrefix + t.Service }

// serviceIssuer stands for an issuer in the identity of a service, which has none.
const serviceIssuer = "latchkey:service"

// service returns what policies and applications get to know about a service.
func (t *Token) service(now time.Time) *session.Record {
	return ServiceRecord(t.Service, t.Groups, now)
}

// ServiceRecord returns what policies and applications get to know about a service: a name, its groups, and nothing about a
// sign-in.
func ServiceRecord(name string, groups []string, now time.Time) *session.Record {
	user := ServicePrefix + name
	return &session.Record{
		Kind: session.Browser, Identity: session.Identity{Issuer: serviceIssuer, Subject: user}, User: user,
		Groups: groups, GroupsComplete: true, GroupsAsOf: now,
	}
}

// check returns why the token cannot be made.
func (t *Token) check() error {
	if !named(t.Name) {
		return ErrName
	}
	if life := t.Expires.Sub(t.Created); life <= 0 || life > MaxLife {
		return ErrLife
	}
	if t.Personal() {
		return nil
	}
	if len(t.Service) > MaxName || strings.Trim(t.Service, "abcdefghijklmnopqrstuvwxyz0123456789._-") != "" {
		return ErrService
	}
	for _, group := range t.Groups {
		if !named(group) {
			return ErrGroups
		}
	}
	if len(t.Groups) > MaxGroups {
		return ErrGroups
	}
	return nil
}

func named(text string) bool {
	n := utf8.RuneCountInString(text)
	return n > 0 && n <= MaxName && utf8.ValidString(text) && strings.TrimSpace(text) == text && strings.IndexFunc(text, unprintable) < 0
}

func unprintable(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }
