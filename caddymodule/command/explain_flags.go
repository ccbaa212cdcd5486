package command

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/pflag"

	"github.com/latchkey-gateway/latchkey/caddymodule/explain"
	"github.com/latchkey-gateway/latchkey/caddymodule/site"
	"github.com/latchkey-gateway/latchkey/policy"
)

// queryFlags are the flags that describe a request. The method query converts them to a Query.
type queryFlags struct {
	q              explain.Query
	headers        []string
	risks, devices []string
	authAge, idle  string
	platform       string
	client, at     string
}

func (f *queryFlags) add(flags *pflag.FlagSet) {
	q := &f.q
	flags.StringVar(&q.App, "app", "", "the app that is asked for; may be left out if there is only one")
	flags.StringVar(&q.User, "user", "", "the person, by the name that policies use; an address counts as verified, unless --email gives another; service:<name> is the token of a service")
	flags.StringVar(&q.Subject, "subject", "", "the person, by the provider's own name for them")
	flags.StringVar(&q.Email, "email", "", "a mail address that the provider has verified")
	flags.StringArrayVar(&q.Unverified, "unverified", nil, "a name or a mail address that the provider states and has not verified; repeatable")
	flags.StringArrayVar(&q.Groups, "group", nil, "a group of theirs; repeatable")
	flags.BoolVar(&q.GroupsUnknown, "groups-unknown", false, "the provider has not told all groups")
	flags.BoolVar(&q.GroupsUnreadable, "groups-unreadable", false, "the groups claim is no list of groups")
	flags.BoolVar(&q.Guest, "guest", false, "the provider calls them a guest")
	flags.BoolVar(&q.GuestUnreadable, "guest-unreadable", false, "the guest claim is in no known word")
	flags.BoolVar(&q.Anonymous, "anonymous", false, "no user is signed in")
	flags.StringVar(&q.Provider, "provider", "", "where they signed in; default: the app's first provider")
	flags.BoolVar(&q.MFA, "mfa", false, "they signed in with a second factor")
	flags.StringArrayVar(&q.ACRs, "acr", nil, "an authentication context that the sign-in has; repeatable")
	flags.StringVar(&f.authAge, "auth-age", "", "how long ago they authenticated, such as 2h; default: the provider does not say")
	flags.StringVar(&f.idle, "idle", "", "how long ago the session was used last")
	flags.StringVar(&q.Kind, "kind", "", "there is a session already: browser or persistent")
	flags.StringArrayVar(&f.risks, "risk", nil, "sign_in=<level> or user=<level>: none, low, medium, high, hidden, or unreadable for a claim in no known word")
	flags.StringArrayVar(&f.devices, "device", nil, "compliant=, managed= or shared=, true, false or unreadable")
	flags.BoolVar(&q.Bound, "bound", false, "the browser has bound the session to a key of its device")
	flags.BoolVar(&q.Consent, "consent", false, "the sign-in went through a consent page")
	flags.BoolVar(&q.IWA, "iwa", false, "they signed in by integrated Windows authentication")
	flags.BoolVar(&q.Inherited, "inherited", false, `the provider asked "Stay signed in?" already`)
	flags.StringVar(&q.Remembered, "remembered", "", `the answer that "Don't show this again" keeps: yes or no`)
	flags.StringVar(&q.Method, "method", "", "default: GET")
	flags.StringVar(&q.Host, "host", "", "default: the name of the app")
	flags.StringVar(&q.Path, "path", "", "with its query; default: /")
	flags.StringArrayVar(&f.headers, "header", nil, "'Name: value'; repeatable")
	flags.StringVar(&q.IP, "ip", "", "the address of the client; default: not known")
	flags.StringVar(&f.platform, "platform", "", "android, ios, windows, macos, linux or unknown; default: by the headers")
	flags.StringVar(&f.client, "client", "", "browser or other; default: by the headers")
	flags.StringVar(&f.at, "at", "", "when, such as 2026-11-23T10:00 (local) or with a zone; default: now")
}

// query converts the flags. An error names the flag.
func (f *queryFlags) query() (*explain.Query, error) {
	q := f.q
	for _, h := range f.headers {
		name, value, ok := strings.Cut(h, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, fmt.Errorf("--header: %q is not of the form 'Name: value'", h)
		}
		if q.Header == nil {
			q.Header = make(http.Header)
		}
		q.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	if err := f.signals(&q); err != nil {
		return nil, err
	}
	if f.authAge != "" {
		age, err := caddy.ParseDuration(f.authAge)
		if err != nil {
			return nil, fmt.Errorf("--auth-age: %q is no time such as 2h", f.authAge)
		}
		q.AuthAge = (*caddy.Duration)(&age)
	}
	if f.idle != "" {
		idle, err := caddy.ParseDuration(f.idle)
		if err != nil {
			return nil, fmt.Errorf("--idle: %q is no time such as 2h", f.idle)
		}
		q.Idle = caddy.Duration(idle)
	}
	if f.platform != "" {
		q.Platform = new(policy.Platform)
		if err := q.Platform.UnmarshalText([]byte(f.platform)); err != nil {
			return nil, fmt.Errorf("--platform: %w", err)
		}
	}
	if f.client != "" {
		q.Client = new(policy.Client)
		if err := q.Client.UnmarshalText([]byte(f.client)); err != nil {
			return nil, fmt.Errorf("--client: %w", err)
		}
	}
	if f.at != "" {
		at, err := parseTime(f.at)
		if err != nil {
			return nil, fmt.Errorf("--at: %w", err)
		}
		q.At = at
	}
	return &q, nil
}

func (f *queryFlags) signals(q *explain.Query) error {
	for _, risk := range f.risks {
		what, level, _ := strings.Cut(risk, "=")
		into := map[string]*policy.Risk{"sign_in": &q.SignInRisk, "user": &q.UserRisk}[what]
		if into == nil {
			return fmt.Errorf("--risk: %q is not sign_in=<level> or user=<level>", risk)
		}
		if err := into.UnmarshalText([]byte(level)); err != nil {
			return fmt.Errorf("--risk %s: %w", what, err)
		}
	}
	for _, device := range f.devices {
		what, value, _ := strings.Cut(device, "=")
		into := map[string]*policy.Signal{"compliant": &q.Compliant, "managed": &q.Managed, "shared": &q.Shared}[what]
		is := site.SignalOf(value)
		if into == nil || is == policy.Unknown {
			return fmt.Errorf("--device: %q is not compliant=, managed= or shared= and true or false", device)
		}
		*into = is
	}
	return nil
}

// parseTime parses a time with a zone, or without one in this machine's zone.
func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-11-23T10:00", s)
}
