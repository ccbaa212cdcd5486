package guess

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/crowd"
	"github.com/latchkey-gateway/latchkey/bench/rig"
)

// usersPace is how many requests users send a second meanwhile.
const usersPace = 300

// Options are those of a run: Guesses wrong tokens a second, beside requests with so many sessions.
type Options struct {
	Guesses, Sessions, Rounds int
	// Slice is the length of a turn.
	Slice time.Duration
	// Only leaves out what arrives beside the users, by its name.
	Only *regexp.Regexp
}

// lines are those of the site: it accepts access tokens and personal ones.
const lines = "bearer {\n\t\t\taudience " + rig.TokenAudience + "\n\t\t}\n\t\ttokens on"

// refusal has plain Caddy answer what the site answers to a wrong token, at once: no gateway can do less. The body has as many bytes.
const refusal = `header {
		Content-Type application/problem+json
		Cache-Control no-store
		X-Content-Type-Options nosniff
		Vary "Accept, Cookie, Sec-Fetch-Mode, Sec-Fetch-Dest"
		WWW-Authenticate ` + "`" + `Bearer error="invalid_token", error_description="the token is not signed by its issuer"` + "`" + `
	}
	respond ` + "`" + `{"type":"about:blank","title":"The token is not signed by its issuer","status":401,"reason":"token_signature","request_id":"00000000-0000-0000-0000-000000000000"}` + "`" + ` 401`

// Run has users send requests, with and without a flood beside them: of wrong tokens of every kind, and of requests that
// nothing is wrong with. Every round has a turn of each.
func Run(ctx context.Context, r *rig.Rig, o Options, out io.Writer) error {
	redis, err := r.StartRedis(ctx)
	if err != nil {
		return err
	}
	people, _, err := r.RedisWith(ctx, redis, o.Sessions, rig.Renewable)
	if err != nil {
		return err
	}
	plain, err := r.Gateway(ctx, rig.Setup{Name: "plain", Plain: true}, nil, "")
	if err != nil {
		return err
	}
	refusing, err := r.Gateway(ctx, rig.Setup{Name: "refusing", Plain: true, Lines: refusal}, nil, "")
	if err != nil {
		return err
	}
	beside, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	site, err := r.Gateway(ctx, rig.Setup{
		Name: "guesses", InRedis: true, Recheck: "5s", Lines: lines, Sites: "http://" + beside + " {\n\t" + refusal + "\n}\n",
	}, redis, "")
	if err != nil {
		return err
	}
	within := *site
	within.Site = beside
	least, err := floor(ctx, r)
	if err != nil {
		return err
	}
	users := &crowd.Crowd{Address: site.Site, Pace: usersPace, Requests: asRequests(people, func(p rig.Person) []byte { return rig.BrowserRequest(site.Site, p.Cookies) })}
	all := slices.DeleteFunc(kinds(ctx, r, redis, o, gateways{site, plain, refusing, &within, least}, people), func(k kind) bool { return !o.Only.MatchString(k.name) })
	m := &measurement{options: o, users: users, kinds: all, files: make([]string, len(all))}
	for i, k := range all {
		if k.requests == nil {
			continue
		}
		r.Note("making: %s", k.name)
		requests, err := k.requests(k.gateway.Site)
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		flood := &crowd.Crowd{Address: k.gateway.Site, Pace: o.Guesses, Requests: requests}
		if m.files[i], err = describe(flood, r.Dir, fmt.Sprint(i)); err != nil {
			return err
		}
	}
	if err := m.measure(ctx, r, site); err != nil {
		return err
	}
	if err := m.costs(ctx); err != nil {
		return err
	}
	p := &rig.Printer{W: out}
	m.write(p, quieter(m.rounds))
	if p.Err != nil {
		return p.Err
	}
	return m.profile(ctx, r, site)
}

// A measurement is the state of a run.
type measurement struct {
	options Options
	users   *crowd.Crowd
	kinds   []kind
	files   []string // of the floods
	rounds  []round
	cost    []cost // of one request of each flood
}

// A round has a turn of every kind, by its number, and one of the users alone, which comes last here.
type round []turn

// A turn is what the users got in one, and what it cost.
type turn struct {
	took    []float64 // sorted
	cpu     float64   // of gateway and Redis, as a share of a core
	foreign float64   // what else the machine did, and the flood
	status  map[int]int
}

func (m *measurement) measure(ctx context.Context, r *rig.Rig, site *rig.Gateway) error {
	// Users would seem to wait for the garbage of the process that measures them.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	if _, err := m.turn(ctx, site, ""); err != nil { // to warm up
		return err
	}
	order := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // every run has the same turns
	for n := range m.options.Rounds {
		r.Note("round %d of %d", n+1, m.options.Rounds)
		one := make(round, len(m.kinds)+1)
		for _, i := range order.Perm(len(one)) {
			name, file := "users alone", ""
			if i < len(m.kinds) {
				name, file = m.kinds[i].name, m.files[i]
			}
			var err error
			if one[i], err = m.turn(ctx, site, file); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		m.rounds = append(m.rounds, one)
	}
	return nil
}

// turn measures the users once, beside a flood that a file describes; empty is none.
func (m *measurement) turn(ctx context.Context, site *rig.Gateway, flood string) (t turn, err error) {
	runtime.GC()
	var got *crowd.Answers
	users := func() error {
		began := time.Now()
		before, err := site.Usage()
		if err != nil {
			return err
		}
		during, cancel := context.WithTimeout(ctx, m.options.Slice)
		defer cancel()
		if got, err = m.users.Send(during, func() {}); err != nil {
			return err
		}
		after, err := site.Usage()
		t.cpu, t.foreign = (after.Own-before.Own).Seconds()/time.Since(began).Seconds(), rig.Foreign(before, after, time.Since(began))
		return err
	}
	if flood == "" {
		err = users()
	} else {
		t.status, err = beside(ctx, flood, users)
	}
	if err != nil {
		return t, err
	}
	if n := got.Status[http.StatusOK]; n != len(got.Took) {
		return t, fmt.Errorf("the users were answered %v", got.Status)
	}
	t.took = got.Took
	return t, nil
}

// profile writes where the gateway spends its time under each flood.
func (m *measurement) profile(ctx context.Context, r *rig.Rig, site *rig.Gateway) error {
	for i, k := range m.kinds {
		if !k.wrong {
			continue
		}
		err := r.Profile(ctx, site, k.name, func(ctx context.Context) error {
			_, err := beside(ctx, m.files[i], func() error {
				select {
				case <-ctx.Done():
				case <-time.After(rig.ProfileTime):
				}
				return ctx.Err()
			})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
