package signinlog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session/signinlog"
	"github.com/latchkey-gateway/latchkey/session/storetest"
)

func TestQuery(t *testing.T) {
	w := newWorld(t)
	start := w.clock.Now()
	add := func(change func(*signinlog.Record)) {
		r := w.record()
		change(&r)
		w.Write(r)
		w.settled(w.Log)
		w.clock.Advance(10 * time.Hour)
	}
	add(func(r *signinlog.Record) { r.UserName, r.UserSubject = "Ada@Example.com", "s1" })
	add(func(r *signinlog.Record) { r.App, r.Code = "admin", signinlog.BlockedByPolicy })
	add(func(r *signinlog.Record) { r.Code, r.CorrelationID = signinlog.KeepMeSignedIn, "flow" })
	add(func(r *signinlog.Record) { r.UserIssuer, r.CorrelationID = "https://other", "flow" })
	// Abandoned prompts are written long after they were created.
	add(func(r *signinlog.Record) { r.Created, r.UserName = start.Add(time.Hour), "late" })
	code := func(c signinlog.Code) *signinlog.Code { return &c }
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	for what, row := range map[string]struct {
		query signinlog.Query
		want  string
	}{
		"all":               {signinlog.Query{}, "v5 v4 v3 v2 v1"},
		"user in any case":  {signinlog.Query{User: "ADA@example.COM"}, "v1"},
		"user by subject":   {signinlog.Query{User: "s1"}, "v1"},
		"user by id":        {signinlog.Query{User: "https://other#s"}, "v4"},
		"part of a user":    {signinlog.Query{User: "ad"}, ""},
		"app":               {signinlog.Query{App: "admin"}, "v2"},
		"app in other case": {signinlog.Query{App: "Admin"}, ""},
		"code":              {signinlog.Query{Code: code(signinlog.BlockedByPolicy)}, "v2"},
		"code 0":            {signinlog.Query{Code: code(0)}, "v5 v4 v1"},
		"status":            {signinlog.Query{Status: signinlog.StatusInterrupted}, "v3"},
		"failure":           {signinlog.Query{Status: signinlog.StatusFailure}, "v2"},
		"correlation (L6)":  {signinlog.Query{Correlation: "flow"}, "v4 v3"},
		"two conditions":    {signinlog.Query{Correlation: "flow", Code: code(0)}, "v4"},
		"since":             {signinlog.Query{Since: at(20)}, "v4 v3"},
		"until":             {signinlog.Query{Until: at(20)}, "v5 v2 v1"},
		"since and until":   {signinlog.Query{Since: at(0), Until: at(10)}, "v5 v1"},
		"long ago":          {signinlog.Query{Until: at(-100)}, ""},
		"in the future":     {signinlog.Query{Since: at(1000)}, ""},
	} {
		for _, limit := range []int{0, 1, 2, 1 << 20} {
			row.query.Limit = limit
			if got := strings.Join(w.all(row.query), " "); got != row.want {
				t.Errorf("%s, limit %d: %s, want %s", what, limit, got, row.want)
			}
		}
	}
}

// An answer looks at a bounded number of entries, and says where to go on.
func TestReadIsBounded(t *testing.T) {
	w := newWorld(t)
	w.ScanAtMost(1000)
	w.write(1050)
	p, err := w.Read(t.Context(), signinlog.Query{User: "nobody"})
	if err != nil || len(p.Entries) != 0 || p.Cursor == "" {
		t.Fatalf("%d entries, cursor %q, %v", len(p.Entries), p.Cursor, err)
	}
	if p, err = w.Read(t.Context(), signinlog.Query{User: "nobody", Cursor: p.Cursor}); err != nil || p.Cursor != "" {
		t.Errorf("the rest: cursor %q, %v", p.Cursor, err)
	}
	if got := w.all(signinlog.Query{Correlation: "v7"}); !slices.Equal(got, []string{"v7"}) {
		t.Errorf("the last of all: %v", got)
	}
	p, err = w.Read(t.Context(), signinlog.Query{Limit: 1 << 20})
	if err != nil || len(p.Entries) != signinlog.MaxLimit {
		t.Errorf("%d entries at once, %v", len(p.Entries), err)
	}
}

// Whoever pages back sees every entry that was there at the beginning, once; whoever follows sees every entry that was
// added since, once, in whatever pages, over midnight, and though another gateway's clock is hours behind.
func TestPaging(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.Close()
		late := time.Duration(rapid.IntRange(0, 20).Draw(rt, "late")) * time.Hour
		slow := w.open(func(c *signinlog.Config) { c.Now = func() time.Time { return w.clock.Now().Add(-late) } })
		defer slow.Close()
		writes := 0 // by the slow one
		add := func(n int) {
			for range n {
				if rapid.IntRange(0, 2).Draw(rt, "writer") > 0 {
					w.Write(w.record())
					continue
				}
				slow.Write(w.record())
				writes++
			}
			storetest.Until(t, "the sign-ins are stored", func() bool { return w.Stats().Stored+slow.Stats().Stored == uint64(w.n) })
			w.clock.Advance(time.Duration(rapid.IntRange(0, 30).Draw(rt, "hours")) * time.Hour)
		}
		add(rapid.IntRange(0, 20).Draw(rt, "before"))
		there := w.n
		end, err := w.Follow(t.Context(), signinlog.Query{Cursor: signinlog.FollowEnd})
		if err != nil || len(end.Entries) != 0 {
			rt.Fatal(end, err)
		}
		var back, forth []string
		q := signinlog.Query{}
		for more := true; more; more = q.Cursor != "" {
			q.Limit = rapid.IntRange(1, 7).Draw(rt, "page")
			p, err := w.Read(t.Context(), q)
			if err != nil {
				rt.Fatal(err)
			}
			back, q.Cursor = append(back, ids(p)...), p.Cursor
			add(rapid.IntRange(0, 3).Draw(rt, "meanwhile"))
			if rapid.Bool().Draw(rt, "follow") {
				forth, end = w.forth(rt, forth, end, rapid.IntRange(1, 7).Draw(rt, "page"))
			}
		}
		for end.More || len(forth) < w.n-there {
			forth, end = w.forth(rt, forth, end, 3)
		}
		if forth, end = w.forth(rt, forth, end, 100); end.More {
			rt.Fatal("there is more after everything")
		}
		once(rt, "followed", forth, there, w.n)
		seen := map[string]int{}
		for _, id := range back {
			seen[id]++
		}
		for i := 1; i <= w.n; i++ {
			id := fmt.Sprintf("v%d", i)
			if seen[id] > 1 || i <= there && seen[id] != 1 {
				rt.Fatalf("paging back, %s of %d was seen %d times in %v", id, there, seen[id], back)
			}
		}
	})
}

func (w *world) forth(t *rapid.T, seen []string, from signinlog.Page, limit int) ([]string, signinlog.Page) {
	p, err := w.Follow(w.t.Context(), signinlog.Query{Cursor: from.Cursor, Limit: limit})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Entries) == 0 && p.More {
		t.Fatal("there is more, but not here")
	}
	return append(seen, ids(p)...), p
}

func ids(p signinlog.Page) (ids []string) {
	for _, e := range p.Entries {
		ids = append(ids, e.ID)
	}
	return ids
}

// once holds that exactly v(from+1) to v(to) were seen, each once.
func once(t *rapid.T, what string, got []string, from, to int) {
	want := newest(to, from)
	if got = slices.Clone(got); len(got) == len(want) {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s %v, want %v", what, got, want)
	}
}
