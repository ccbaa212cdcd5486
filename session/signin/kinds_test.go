package signin

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-gateway/latchkey/session"
	"github.com/latchkey-gateway/latchkey/session/apitoken"
	"github.com/latchkey-gateway/latchkey/session/keyring"
	"github.com/latchkey-gateway/latchkey/session/pending"
	"github.com/latchkey-gateway/latchkey/session/signin/access"
	"github.com/latchkey-gateway/latchkey/session/signin/browser"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc"
	"github.com/latchkey-gateway/latchkey/session/signin/oidc/oidctest"
)

// sealedKind is one kind of value that is sealed under the key ring. There are two places for each kind: two hosts for
// what a browser carries, two keys for what the store holds.
type sealedKind struct {
	name string
	// seal makes a value of this kind at a place, by the code that makes it in the product.
	seal func(t *testing.T, place int) []byte
	// open reports whether the product takes a value as one of this kind at a place.
	open func(t *testing.T, place int, sealed []byte) bool
}

// Issue 9, point 2 (A72): no value that is sealed opens as one of another kind, or at another place. sealed_test.go at the
// root of the module keeps the list complete.
func TestKindsNeverOpenAsOneAnother(t *testing.T) {
	kinds := sealedKinds(t)
	for _, made := range kinds {
		for from := range 2 {
			sealed := made.seal(t, from)
			if len(sealed) < keyring.SealOverhead {
				t.Fatalf("%s: nothing was sealed", made.name)
			}
			for _, taken := range kinds {
				for at := range 2 {
					want := taken.name == made.name && at == from
					if got := taken.open(t, at, sealed); got != want {
						t.Errorf("a %s of place %d, taken as %s at place %d: opens is %v", made.name, from, taken.name, at, got)
					}
				}
			}
		}
	}
}

// kindBench is what the kinds need: a service and two visits of two hosts, and a session for each place in the store.
type kindBench struct {
	*gateway
	visits [2]*access.Visit
}

func (b *kindBench) decoded(t *testing.T, value string) []byte {
	t.Helper()
	sealed, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

// cookie is the value of the only cookie that set makes.
func (b *kindBench) cookie(t *testing.T, set func(http.ResponseWriter)) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	set(w)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies", len(cookies))
	}
	return b.decoded(t, cookies[0].Value)
}

func (b *kindBench) visit(place int, cookies browser.Cookies) *access.Visit {
	v := *b.visits[place]
	v.Cookies = cookies
	return &v
}

func asText(sealed []byte) string { return base64.RawURLEncoding.EncodeToString(sealed) }

func sealedKinds(t *testing.T) []sealedKind {
	t.Helper()
	g := newGateway(t, func(s *settings) {
		s.extra = []*oidc.Provider{oidc.New(oidc.Config{Name: "other", Issuer: "https://other.example.com", ClientID: oidctest.Client, Now: s.clock.Now})}
	})
	b := &kindBench{gateway: g}
	for i, host := range []string{"wiki.example.com", "admin.example.com"} {
		b.visits[i] = &access.Visit{Site: g.site, Origin: "https://" + host, Host: host, Secure: true, Return: "/"}
	}
	g.service.Prompt.RememberAnswer = time.Hour
	return slices.Concat(b.cookieKinds(), b.boundKinds(), b.addressKinds(), storedKinds(t))
}

func (b *kindBench) cookieKinds() []sealedKind {
	s := b.service
	const name = "AAAAAAAA"
	p := s.Providers[0]
	return []sealedKind{
		{
			name: "session cookie",
			seal: func(t *testing.T, place int) []byte {
				return b.cookie(t, func(w http.ResponseWriter) {
					s.GiveCookie(w, b.visits[place], &session.Record{Kind: session.Browser}, session.NewToken())
				})
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				_, err := s.Token(b.visit(place, browser.Cookies{Session: asText(sealed)}))
				return err == nil
			},
		},
		{
			name: "flow cookie",
			seal: func(t *testing.T, place int) []byte {
				f := s.newFlow(b.visits[place], p, "/")
				f.Name = name
				value, err := s.sealFlow(b.visits[place], f)
				if err != nil {
					t.Fatal(err)
				}
				return b.decoded(t, value)
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				return s.openFlow(b.visits[place], name, asText(sealed)) != nil
			},
		},
		b.spentKind("page of a spent state"),
		{
			name: "pending cookie",
			seal: func(t *testing.T, place int) []byte {
				return b.cookie(t, func(w http.ResponseWriter) {
					s.givePending(w, b.visits[place], unanswered{token: session.NewToken(), page: "/"})
				})
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				_, ok := s.pendingToken(b.visit(place, browser.Cookies{Pending: asText(sealed)}))
				return ok
			},
		},
		{
			name: "answer cookie",
			seal: func(t *testing.T, place int) []byte {
				return b.cookie(t, func(w http.ResponseWriter) {
					s.remembered.Keep(w, b.visits[place], session.Identity{Issuer: "i", Subject: "s"}, session.Persistent)
				})
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				return s.remembered.Answer(b.visit(place, browser.Cookies{Answer: asText(sealed)}), session.Identity{Issuer: "i", Subject: "s"}) != nil
			},
		},
		{
			name: "browser cookie",
			seal: func(t *testing.T, place int) []byte {
				v := b.visits[place]
				return b.cookie(t, func(w http.ResponseWriter) { browser.GiveID(w, s.Keys, v.Host, v.Secure, &v.Cookies, "", s.Now()) })
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				_, ok := browser.ID(s.Keys, b.visits[place].Host, &browser.Cookies{Browser: asText(sealed)})
				return ok
			},
		},
		{
			name: "provider cookie",
			seal: func(t *testing.T, place int) []byte {
				v := b.visit(place, browser.Cookies{})
				v.Site = &access.Site{App: "two", Providers: []string{"main", "other"}, Gate: b.site.Gate}
				return b.cookie(t, func(w http.ResponseWriter) { s.rememberProvider(w, v, "main") })
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				return s.lastProvider(b.visit(place, browser.Cookies{Provider: asText(sealed)})) != ""
			},
		},
		{
			name: "form cookie",
			seal: func(t *testing.T, place int) []byte {
				old := session.SealToken(s.Keys, session.NewToken(), b.visits[place].Host, browser.SessionCookie)
				v := b.visit(place, browser.Cookies{Session: old})
				v.Site = &access.Site{App: "forms", PreservePost: 1000, Gate: b.site.Gate}
				r := httptest.NewRequest(http.MethodPost, v.Origin+"/", strings.NewReader("a=b"))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", v.Origin)
				who := &session.Record{Identity: session.Identity{Issuer: "i", Subject: "s"}}
				return b.cookie(t, func(w http.ResponseWriter) {
					if !s.keepForm(w, r, v, who) {
						t.Error("the form was not kept")
					}
				})
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				_, err := session.OpenToken(s.Keys, asText(sealed), b.visits[place].Host, browser.FormCookie)
				return err == nil
			},
		},
	}
}

// addressKinds travel in an address, or as the state of a sign-out.
func (b *kindBench) addressKinds() []sealedKind {
	s := b.service
	// at has the sign-in host be the one of a place: what is sealed for it is bound to it.
	at := func(place int, do func()) {
		before := s.SignInHostname
		s.SignInHostname = b.visits[place].Host
		defer func() { s.SignInHostname = before }()
		do()
	}
	flowOf := flow{Name: "BBBBBBBB", State: "state"}
	return []sealedKind{
		b.confirmKind("hand-over to be confirmed"),
		{
			name: "hand-over",
			seal: func(t *testing.T, place int) (sealed []byte) {
				at(place, func() {
					s.SignInHost = "https://" + s.SignInHostname
					v := b.visits[1-place]
					w := httptest.NewRecorder()
					s.away(w, httptest.NewRequest(http.MethodGet, v.Origin, nil), v, s.newFlow(v, s.Providers[0], "/"), beginning{})
					sealed = b.decoded(t, query(t, w.Header().Get("Location")).Get("for"))
				})
				return sealed
			},
			open: func(_ *testing.T, place int, sealed []byte) (ok bool) {
				at(place, func() { ok = s.openHandover(asText(sealed)) != nil })
				return ok
			},
		},
		{
			name: "ticket",
			seal: func(t *testing.T, place int) []byte {
				w := httptest.NewRecorder()
				v := b.visits[place]
				h := &handover{Host: v.Host, Flow: flowOf.Name, State: flowOf.State}
				s.handOver(w, httptest.NewRequest(http.MethodGet, v.Origin, nil), v, h, session.NewToken(), passed{})
				_, value, _, ok := parseTicket(query(t, w.Header().Get("Location")).Get("ticket"))
				if !ok {
					t.Fatalf("no ticket in %q", w.Header().Get("Location"))
				}
				return b.decoded(t, value)
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				_, err := session.OpenToken(s.Keys, asText(sealed), b.visits[place].Host, ticketPlace(flowOf.Name, flowOf.State))
				return err == nil
			},
		},
		{
			name: "posted answer",
			seal: func(t *testing.T, place int) []byte {
				v := b.visits[place]
				state := (&flow{Name: "CCCCCCCC", State: session.NewRandom(stateSize)}).wireState(false)
				r := httptest.NewRequest(http.MethodPost, v.Origin+browser.Base+callbackBase, strings.NewReader(url.Values{"state": {state}, "code": {"c"}}.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				w := httptest.NewRecorder()
				s.callbackPost(w, r, v)
				return b.decoded(t, query(t, w.Header().Get("Location")).Get("resume"))
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				v := b.visits[place]
				resp, ok := s.callbackResponse(httptest.NewRequest(http.MethodGet, v.Origin+browser.Base+callbackBase+"?resume="+asText(sealed), nil), v)
				return ok && resp.Code != ""
			},
		},
		{
			name: "step-up link",
			seal: func(t *testing.T, place int) []byte {
				link := s.stepURL(b.visits[place], "/", &oidc.Demand{MFA: true}, &access.Refusal{})
				return b.decoded(t, query(t, link).Get("step"))
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				return s.openStep(b.visits[place], asText(sealed)) != nil
			},
		},
		{
			name: "sign-out state",
			seal: func(t *testing.T, place int) (sealed []byte) {
				at(place, func() { sealed = b.decoded(t, s.leaveState(b.visits[1-place], &session.Record{Provider: "main"})) })
				return sealed
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				return s.cameBack(b.visits[place], asText(sealed)) != ""
			},
		},
		{
			name: "entry of the sign-in log",
			seal: func(_ *testing.T, place int) []byte {
				return s.Keys.Seal(keyring.PurposeJournal, []byte("entry"), journalStreams[place], "1")
			},
			open: func(_ *testing.T, place int, sealed []byte) bool {
				_, err := s.Keys.Open(keyring.PurposeJournal, sealed, journalStreams[place], "1")
				return err == nil
			},
		},
	}
}

var journalStreams = [2]string{"2026-11-28", "2026-11-29"}

// storedKinds are values of the store. Their place is a key. To open one, it is put where the product looks for the kind.
func storedKinds(t *testing.T) []sealedKind {
	t.Helper()
	g := newGateway(t)
	m, kept, store := g.service.Sessions, g.service.Pending, g.store
	draft := session.Record{
		Provider: "main", Identity: session.Identity{Issuer: "https://i.example.com", Subject: "s"}, User: "u", Kind: session.Browser, KindReason: "no",
	}
	until, tokens := g.clock.Now().Add(time.Hour), g.service.Tokens
	learn := func(token session.Token) (*apitoken.Token, error) {
		who := draft
		who.Identity.Subject = token.ID.Short()
		made, _, err := tokens.Create(t.Context(), &who, apitoken.Draft{Name: "n", App: "a"})
		return made, err
	}
	make2 := func(one func() (session.Token, error)) (tokens [2]session.Token, keys [2]session.Key) {
		for i := range tokens {
			before := store.Keys()
			token, err := one()
			if err != nil {
				t.Fatal(err)
			}
			tokens[i] = token
			for _, key := range store.Keys() {
				if !slices.Contains(before, key) {
					keys[i] = key
				}
			}
		}
		return tokens, keys
	}
	kind := func(name string, one func() (session.Token, error), open func(session.Token) error) sealedKind {
		tokens, keys := make2(one)
		values := [2][]byte{}
		for i, key := range keys {
			e, err := store.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			values[i] = bytes.Clone(e.Value)
		}
		return sealedKind{
			name: name,
			seal: func(_ *testing.T, place int) []byte { return values[place] },
			open: func(t *testing.T, place int, sealed []byte) bool {
				_, _ = store.Remove(t.Context(), keys[place])
				if err := store.Create(t.Context(), session.Entry{Key: keys[place], Value: sealed, Expires: until}); err != nil {
					t.Fatal(err)
				}
				return open(tokens[place]) == nil
			},
		}
	}
	return []sealedKind{
		kind("stored session", func() (session.Token, error) {
			_, token, err := m.Create(t.Context(), draft, session.Tokens{})
			return token, err
		}, func(token session.Token) error { _, err := m.Reload(t.Context(), token); return err }),
		kind("stored pending sign-in", func() (session.Token, error) {
			held, err := kept.Hold(t.Context(), pending.SignIn{Draft: draft, Deadline: until}, session.Tokens{})
			return held.Token, err
		}, func(token session.Token) error { _, err := kept.SignIn(t.Context(), token); return err }),
		kind("stored ticket", func() (session.Token, error) {
			return kept.IssueTicket(t.Context(), pending.Ticket{Session: session.NewToken()})
		}, func(token session.Token) error { _, err := kept.RedeemTicket(t.Context(), token); return err }),
		kind("stored claims challenge", func() (session.Token, error) {
			token := session.NewToken()
			return token, kept.KeepChallenge(t.Context(), token.ID, "{}", until)
		}, func(token session.Token) error { _, err := kept.Challenge(t.Context(), token.ID); return err }),
		kind("stored token of a program", func() (session.Token, error) {
			_, text, err := tokens.CreateService(t.Context(), "backup", nil, apitoken.Draft{Name: "n", App: "a"})
			id, _ := apitoken.ID(text)
			return session.Token{ID: id}, err
		}, func(token session.Token) error { _, _, err := tokens.Find(t.Context(), token.ID, "a"); return err }),
		kind("what is known of a user with tokens", func() (session.Token, error) {
			token := session.NewToken()
			made, err := learn(token)
			if err == nil {
				err = tokens.Revoke(t.Context(), made) // only what is known is left
			}
			return token, err
		}, func(token session.Token) error { _, err := learn(token); return err }),
		kind("stored form", func() (session.Token, error) {
			token := session.NewToken()
			return token, kept.KeepForm(t.Context(), token, pending.Form{Person: "p", Path: "/", Body: []byte("a=b")}, until)
		}, func(token session.Token) error {
			_, err := kept.Form(t.Context(), token)
			return err
		}),
	}
}
