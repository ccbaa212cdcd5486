package guess

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"time"

	"github.com/latchkey-gateway/latchkey/bench/crowd"
	"github.com/latchkey-gateway/latchkey/bench/rig"
	"github.com/latchkey-gateway/latchkey/bench/target"
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
	users := &crowd.Crowd{Address: site.Site, Pace: usersPace, Requests: asRequests(people, func(p rig.Person) []byte { return rig.BrowserRequest(site.Site, p.Cookies) })}
	all := slices.DeleteFunc(kinds(ctx, r, redis, o, gateways{site, plain, refusing, &within}, people), func(k kind) bool { return !o.Only.MatchString(k.name) })
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
	m.write(p)
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
	alone   []turn
	beside  [][]turn
	cost    []cost // of one request of each flood
}

// A turn is what the users got in one, and what it cost.
type turn struct {
	took    []float64 // sorted
	cpu     float64   // of gateway and Redis, as a share of a core
	foreign float64   // what else the machine did, and the flood
	status  map[int]int
}

func (m *measurement) measure(ctx context.Context, r *rig.Rig, site *rig.Gateway) error {
	if _, err := m.turn(ctx, site, ""); err != nil { // to warm up
		return err
	}
	m.beside = make([][]turn, len(m.kinds))
	order := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // every run has the same turns
	for round := range m.options.Rounds {
		r.Note("round %d of %d", round+1, m.options.Rounds)
		for _, i := range order.Perm(len(m.kinds) + 1) {
			if i == len(m.kinds) {
				t, err := m.turn(ctx, site, "")
				if err != nil {
					return err
				}
				m.alone = append(m.alone, t)
				continue
			}
			t, err := m.turn(ctx, site, m.files[i])
			if err != nil {
				return fmt.Errorf("%s: %w", m.kinds[i].name, err)
			}
			m.beside[i] = append(m.beside[i], t)
		}
	}
	return nil
}

// turn measures the users once, beside a flood that a file describes; empty is none.
func (m *measurement) turn(ctx context.Context, site *rig.Gateway, flood string) (t turn, err error) {
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

// summary is what turns have shown: in the half of them in which the machine had least else to do.
type summary struct {
	all    float64 // how long 99 of 100 answers took, in milliseconds, all turns together
	middle float64 // that of one turn, the middle one
	cpu    float64
	status map[int]int
}

func summed(turns []turn) summary {
	quieter := slices.SortedFunc(slices.Values(turns), func(a, b turn) int { return cmp.Compare(a.foreign, b.foreign) })
	quieter = quieter[:(len(quieter)+1)/2]
	s := summary{status: map[int]int{}}
	var took, single, cpu []float64
	for _, t := range quieter {
		took, cpu = append(took, t.took...), append(cpu, t.cpu)
		single = append(single, t.took[len(t.took)*99/100])
		for code, n := range t.status {
			s.status[code] += n
		}
	}
	slices.Sort(took)
	s.all, s.middle, s.cpu = took[len(took)*99/100], middle(single), middle(cpu)
	return s
}

// write prints what was measured, and the promise.
func (m *measurement) write(p *rig.Printer) {
	p.Printf("%d requests a second of users, and beside them %d a second of each of these. Of %d turns of %s each the quieter half.\n\n", usersPace, m.options.Guesses, m.options.Rounds, m.options.Slice)
	p.Printf("| beside the users | 99 of 100 of their requests take | alone = 1 | of a single turn | alone = 1 | CPU of gateway and Redis, of a core | a request of the flood alone: CPU, memory | answers of the flood |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	alone := summed(m.alone)
	row := func(name string, s summary, c cost) float64 {
		p.Printf("| %s | %.2f ms | %.2f | %.2f ms | %.2f | %.1f %% | %s | %s |\n", name, s.all, s.all/alone.all, s.middle, s.middle/alone.middle, 100*s.cpu, c, counted(s.status))
		return s.all / alone.all
	}
	row("nothing", alone, cost{})
	worst := 0.0
	for i, k := range m.kinds {
		s := summed(m.beside[i])
		ratio := row(k.name, s, m.cost[i])
		for status := range s.status {
			if !k.accepts(status) {
				p.Printf("\n%s: an answer has the status %d\n", k.name, status)
			}
		}
		if k.wrong {
			worst = max(worst, ratio)
		}
	}
	p.Printf("\nWrong tokens make 99 of 100 requests of users take %.2f times as long; promised are %.1f (`%s`).\n", worst, target.Guessed.Owed, target.Guessed.Command)
}

// counted are statuses with their numbers.
func counted(status map[int]int) (text string) {
	for _, code := range slices.Sorted(maps.Keys(status)) {
		text += fmt.Sprintf("%d: %d ", code, status[code])
	}
	return text
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

func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
