package session_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

const day = 24 * time.Hour

func at(value string) time.Time {
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		panic(err)
	}
	return t
}

// X4, X5, X6: what Yes and No are worth unless configured otherwise.
func TestDefaultLimits(t *testing.T) {
	w := session.Limits{
		Browser:    session.Limit{Idle: day, Max: 7 * day},
		Persistent: session.Limit{Idle: 90 * day, Max: 180 * day},
	}
	if session.DefaultLimits != w {
		t.Errorf("defaults are %v", session.DefaultLimits)
	}
	if session.DefaultLimits.Same() {
		t.Error("the two kinds live equally long by default, so nobody would be asked")
	}
	if !(session.Limits{Browser: w.Browser, Persistent: w.Browser}).Same() {
		t.Error("equal limits are not the same")
	}
	if session.Browser.String() != "browser" || session.Persistent.String() != "persistent" {
		t.Error("the kinds do not go by the design's words")
	}
}

func TestLifetime(t *testing.T) {
	short := session.Limit{Idle: time.Hour, Max: 8 * time.Hour}
	long := session.Limit{Idle: 30 * day, Max: 60 * day}
	tests := map[string]struct {
		kind          session.Kind
		created, used string
		limit         session.Limit
		now           session.Limits
		ends, maxEnd  string
	}{
		"X4: idle limit first": {
			session.Browser, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", session.DefaultLimits.Browser, session.DefaultLimits,
			"2026-01-03T00:00:00Z", "2026-01-08T00:00:00Z",
		},
		"max lifetime first": {
			session.Browser, "2026-01-01T00:00:00Z", "2026-01-07T12:00:00Z", session.DefaultLimits.Browser, session.DefaultLimits,
			"2026-01-08T00:00:00Z", "2026-01-08T00:00:00Z",
		},
		"X5: persistent": {
			session.Persistent, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", session.DefaultLimits.Persistent, session.DefaultLimits,
			"2026-04-01T00:00:00Z", "2026-06-30T00:00:00Z",
		},
		"A74: configuration shrinks both": {
			session.Persistent, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", long,
			session.Limits{Browser: long, Persistent: short},
			"2026-01-01T01:00:00Z", "2026-01-01T08:00:00Z",
		},
		"A74: configuration cannot grow either": {
			session.Persistent, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", short,
			session.Limits{Browser: short, Persistent: long},
			"2026-01-01T01:00:00Z", "2026-01-01T08:00:00Z",
		},
		"A74: each field on its own": {
			session.Browser, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z",
			session.Limit{Idle: time.Hour, Max: 60 * day},
			session.Limits{Browser: session.Limit{Idle: 30 * day, Max: 8 * time.Hour}},
			"2026-01-01T01:00:00Z", "2026-01-01T08:00:00Z",
		},
		"only the limit of its own kind counts": {
			session.Browser, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", long,
			session.Limits{Browser: long, Persistent: short},
			"2026-01-31T00:00:00Z", "2026-03-02T00:00:00Z",
		},
		"A48: across January 2038": {
			session.Persistent, "2038-01-18T00:00:00Z", "2038-01-18T00:00:00Z", session.DefaultLimits.Persistent, session.DefaultLimits,
			"2038-04-18T00:00:00Z", "2038-07-17T00:00:00Z",
		},
		"A48: past 2106": {
			session.Persistent, "2200-01-01T00:00:00Z", "2200-01-01T00:00:00Z", session.DefaultLimits.Persistent, session.DefaultLimits,
			"2200-04-01T00:00:00Z", "2200-06-30T00:00:00Z",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := session.Record{Kind: tt.kind, Created: at(tt.created), LastUsed: at(tt.used), Limit: tt.limit}
			ends := s.Ends(tt.now)
			if !ends.Equal(at(tt.ends)) {
				t.Errorf("ends %v, want %v", ends, tt.ends)
			}
			if got := s.MaxEnd(tt.now); !got.Equal(at(tt.maxEnd)) {
				t.Errorf("ends at the latest %v, want %v", got, tt.maxEnd)
			}
			// The boundary is exact: alive until the last nanosecond before the end, over at the end.
			want(t, "just before the end", s.Check(ends.Add(-1), tt.now), nil)
			want(t, "at the end", s.Check(ends, tt.now), session.ErrExpired)
			want(t, "after the end", s.Check(ends.Add(1), tt.now), session.ErrExpired)
		})
	}
}

func drawLimit(t *rapid.T, name string) session.Limit {
	d := rapid.Int64Range(1, int64(400*day))
	return session.Limit{Idle: time.Duration(d.Draw(t, name+" idle")), Max: time.Duration(d.Draw(t, name+" max"))}
}

func drawLimits(t *rapid.T, name string) session.Limits {
	return session.Limits{Browser: drawLimit(t, name+" browser"), Persistent: drawLimit(t, name+" persistent")}
}

func drawSession(t *rapid.T) session.Record {
	created := time.UnixMilli(rapid.Int64Range(0, 1<<43).Draw(t, "created")).UTC() // to the year 2248
	return session.Record{
		Kind:     session.Kind(rapid.IntRange(0, 1).Draw(t, "kind")),
		Created:  created,
		LastUsed: created.Add(time.Duration(rapid.Int64Range(0, int64(400*day)).Draw(t, "used after"))),
		Limit:    drawLimit(t, "sign-in"),
	}
}

// A13, A74: no limit is ever exceeded, no configuration prolongs a session, and a smaller one shortens it at once.
func TestLifetimeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := drawSession(t), drawLimits(t, "now")
		ends, limit := s.Ends(now), now.Of(s.Kind, false)
		for name, bound := range map[string]time.Time{
			"idle limit at sign-in":   s.LastUsed.Add(s.Limit.Idle),
			"idle limit now":          s.LastUsed.Add(limit.Idle),
			"max lifetime at sign-in": s.Created.Add(s.Limit.Max),
			"max lifetime now":        s.Created.Add(limit.Max),
			"max end":                 s.MaxEnd(now),
		} {
			if ends.After(bound) {
				t.Fatalf("ends %v, after the %s: %v", ends, name, bound)
			}
		}
		shrunk := drawLimits(t, "shrunk")
		both := session.Limits{
			Browser:    session.Limit{Idle: min(now.Browser.Idle, shrunk.Browser.Idle), Max: min(now.Browser.Max, shrunk.Browser.Max)},
			Persistent: session.Limit{Idle: min(now.Persistent.Idle, shrunk.Persistent.Idle), Max: min(now.Persistent.Max, shrunk.Persistent.Max)},
		}
		if s.Ends(both).After(ends) {
			t.Fatal("smaller limits prolong")
		}
		atSignIn := session.Limits{Browser: s.Limit, Persistent: s.Limit}
		if ends.After(s.Ends(atSignIn)) {
			t.Fatal("ends later than was promised at sign-in")
		}
		if got := s.Check(ends, now); got == nil {
			t.Fatal("alive at its end")
		}
		if got := s.Check(ends.Add(-1), now); got != nil {
			t.Fatal("over before its end")
		}
	})
}

// A13: whatever use is noted, the max end stays where it was.
func TestUseNeverMovesTheMaxEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, now := drawSession(t), drawLimits(t, "now")
		end := s.MaxEnd(now)
		for _, use := range rapid.SliceOfN(rapid.Int64Range(0, int64(30*day)), 0, 20).Draw(t, "uses") {
			s.LastUsed = s.LastUsed.Add(time.Duration(use))
			if !s.MaxEnd(now).Equal(end) || s.Ends(now).After(end) {
				t.Fatalf("use at %v moves the end past %v", s.LastUsed, end)
			}
		}
	})
}

// Last use is written at most once per idle/50, between a minute and an hour, and short limits stay usable.
func TestTouchDue(t *testing.T) {
	for idle, every := range map[time.Duration]time.Duration{
		90 * day:         time.Hour,
		50 * time.Hour:   time.Hour,
		day:              28*time.Minute + 48*time.Second,
		100 * time.Hour:  time.Hour,
		time.Hour:        72 * time.Second,
		50 * time.Minute: time.Minute,
		10 * time.Minute: time.Minute,
		5 * time.Minute:  30 * time.Second,
		time.Second:      100 * time.Millisecond,
	} {
		limits := session.Limits{Browser: session.Limit{Idle: idle, Max: 1000 * day}}
		s := session.Record{LastUsed: at("2026-01-01T00:00:00Z"), Limit: session.Limit{Idle: 90 * day, Max: 1000 * day}}
		if s.TouchDue(s.LastUsed.Add(every-1), limits) || !s.TouchDue(s.LastUsed.Add(every), limits) {
			t.Errorf("idle limit %v: last use is not due after exactly %v", idle, every)
		}
		if s.TouchDue(s.LastUsed.Add(-day), limits) {
			t.Errorf("idle limit %v: due before the last use on record, by a clock that lags", idle)
		}
	}
}
