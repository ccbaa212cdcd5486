package chaos

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Report is the result of a run.
type Report struct {
	Seed uint64

	mu           sync.Mutex
	SignedOut    []string // people who were signed out and not revoked
	Unallowed    []string // requests that reached the app and should not have
	Undead       []string // revoked sessions that were alive after the bound
	Downgraded   []string // bound sessions that were served as if they were not
	Cut          []string // streams that ended for no reason of theirs
	Wrong        []string // anything else that must not be
	Served       int
	Refused      int // 503
	Unreached    int // no answer
	SignIns      int
	Bound        int // registrations of a key
	Unregistered int // such that failed, so that the session stays as it is
	Refreshes    int
	Unrefreshed  int // no answer, or 5xx
	Naked        int // requests of bound sessions without the short cookie, on purpose
	Old          int // requests with the session cookie of before
	Revoked      int // acknowledged
	Unrevoked    int // said not to be done
	Events       int // acknowledged, each of them twice
	Forged       int // events of a stranger
	Streams      int
	StreamsEnded int // with their session
	Downloads    int
	Reloads      int
	took         []time.Duration
	faults       map[string]*faultReport
	order        []string
	start        time.Duration
	leftOut      []string // faults that had no turn
}

type faultReport struct {
	times    int
	longest  time.Duration // without service for one person
	recovery time.Duration // from the end of the fault until all users were served on both replicas
	refused  int
}

func (r *Report) note(list *[]string, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(*list) < 50 {
		*list = append(*list, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (r *Report) count(n *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*n++
}

func (r *Report) served(took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Served++
	if len(r.took) < 2_000_000 {
		r.took = append(r.took, took)
	}
}

func (r *Report) ready(after time.Duration) { r.mu.Lock(); defer r.mu.Unlock(); r.start = after }

// leaveOut takes up which faults had no turn when the time was up: in a run that was to be complete that is a failure, for
// a fault that never happens proves nothing.
func (r *Report) leaveOut(rest []fault, complete bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range rest {
		if r.faults[f.name] == nil && !slices.Contains(r.leftOut, f.name) {
			r.leftOut = append(r.leftOut, f.name)
			if complete {
				r.Wrong = append(r.Wrong, "the time was up before there was a turn for: "+f.name)
			}
		}
	}
}

func (r *Report) fault(name string, change func(*faultReport)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.faults == nil {
		r.faults = map[string]*faultReport{}
	}
	if r.faults[name] == nil {
		r.faults[name] = &faultReport{}
		r.order = append(r.order, name)
	}
	change(r.faults[name])
}

func (r *Report) violations() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for what, list := range map[string][]string{
		"signed out and not revoked": r.SignedOut, "reached the app without being allowed": r.Unallowed,
		"alive after its end": r.Undead, "a bound session was served as one that is not": r.Downgraded,
		"a stream was cut": r.Cut, "wrong": r.Wrong,
	} {
		for _, one := range list {
			out = append(out, what+": "+one)
		}
	}
	slices.Sort(out)
	return out
}

func (r *Report) print(t testing.TB) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.took)
	at := func(share float64) time.Duration {
		if len(r.took) == 0 {
			return 0
		}
		return r.took[int(share*float64(len(r.took)-1))].Round(100 * time.Microsecond)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "chaos, seed %d (repeat with -seed %[1]d)\n", r.Seed)
	fmt.Fprintf(&b, "  %6d people signed out who were not revoked\n", len(r.SignedOut))
	fmt.Fprintf(&b, "  %6d requests reached the app without a decision \"allow\"\n", len(r.Unallowed))
	fmt.Fprintf(&b, "  %6d revoked sessions alive after %v\n", len(r.Undead), Bound)
	fmt.Fprintf(&b, "  %6d bound sessions served as sessions that are not bound\n", len(r.Downgraded))
	fmt.Fprintf(&b, "  %6d streams cut that were still allowed\n", len(r.Cut))
	fmt.Fprintf(&b, "  %6d requests served, p50 %v, p99 %v, p99.9 %v\n", r.Served, at(.5), at(.99), at(.999))
	fmt.Fprintf(&b, "  %6d answers 503, %d requests without an answer\n", r.Refused, r.Unreached)
	fmt.Fprintf(&b, "  %6d sign-ins, %d sessions revoked, %d revocations answered \"not done\"\n", r.SignIns, r.Revoked, r.Unrevoked)
	fmt.Fprintf(&b, "  %6d sessions bound, %d registrations lost, %d refreshes, %d of them not answered or 5xx\n",
		r.Bound, r.Unregistered, r.Refreshes+r.Unrefreshed, r.Unrefreshed)
	fmt.Fprintf(&b, "  %6d requests without the short cookie, %d with a session cookie of before\n", r.Naked, r.Old)
	fmt.Fprintf(&b, "  %6d events of the transmitter acknowledged twice, %d forged ones refused\n", r.Events, r.Forged)
	fmt.Fprintf(&b, "  %6d streams, %d ended with their session, %d downloads to their end\n", r.Streams, r.StreamsEnded, r.Downloads)
	fmt.Fprintf(&b, "  %6d reloads\n", r.Reloads)
	fmt.Fprintf(&b, "  %-22s %5s %18s %14s %6s\n", "fault", "times", "longest outage", "recovery", "503")
	for _, name := range r.order {
		f := r.faults[name]
		fmt.Fprintf(&b, "  %-22s %5d %18v %14v %6d\n", name, f.times, f.longest.Round(time.Millisecond), f.recovery.Round(time.Millisecond), f.refused)
	}
	for _, name := range r.leftOut {
		fmt.Fprintf(&b, "  %-22s %5d\n", name, 0)
	}
	t.Log("\n" + b.String())
}
