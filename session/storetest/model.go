package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/latchkey-gateway/latchkey/session"
)

// model is the simplest implementation of the contract; comparing with Memory would hide Memory's own bugs.
type model struct {
	entries map[session.Key]session.Entry
	indexes map[session.Key]map[session.Key]time.Time
}

// testModel runs random sequences of all operations, including the passing of time, and compares with the model. Every
// end is half a minute away from the steps of time, so that a running clock changes no result.
func testModel(t *testing.T, s Subject) {
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		m := model{entries: map[session.Key]session.Entry{}, indexes: map[session.Key]map[session.Key]time.Time{}}
		start := s.Now()
		passed := time.Duration(0)
		now := func() time.Time { return start.Add(passed) }

		drawKey := func(kind string) session.Key {
			return session.Key(fmt.Sprintf("%s:%d-%d", kind, run, rapid.IntRange(0, 3).Draw(t, kind)))
		}
		drawEnd := func() time.Time {
			return now().Add(time.Duration(rapid.IntRange(0, 6).Draw(t, "minutes"))*time.Minute + 30*time.Second)
		}
		drawEntry := func() session.Entry {
			return session.Entry{Key: drawKey("s"), Value: rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "value"), Expires: drawEnd()}
		}
		alive := func(k session.Key) (session.Entry, bool) {
			e, ok := m.entries[k]
			return e, ok && e.Expires.After(now())
		}
		same := func(got, want session.Entry) {
			off := want.Expires.Sub(got.Expires)
			if got.Key != want.Key || string(got.Value) != string(want.Value) || got.Version != want.Version || off < 0 || off >= time.Millisecond {
				t.Fatalf("got %+v, want %+v", got, want)
			}
		}
		expect := func(err, want error) {
			if !errors.Is(err, want) {
				t.Fatalf("got %v, want %v", err, want)
			}
		}

		t.Repeat(map[string]func(*rapid.T){
			"create": func(*rapid.T) {
				e := drawEntry()
				err := s.Store.Create(ctx, e)
				if _, ok := alive(e.Key); ok {
					expect(err, session.ErrConflict)
					return
				}
				expect(err, nil)
				e.Version = 1
				m.entries[e.Key] = e
			},
			"get": func(*rapid.T) {
				k := drawKey("s")
				got, err := s.Store.Get(ctx, k)
				if want, ok := alive(k); ok {
					expect(err, nil)
					same(got, want)
					return
				}
				expect(err, session.ErrNotFound)
			},
			"replace": func(t *rapid.T) {
				e := drawEntry()
				old, ok := alive(e.Key)
				e.Version = old.Version + uint64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "off"))
				version, err := s.Store.Replace(ctx, e)
				switch {
				case !ok:
					expect(err, session.ErrNotFound)
				case e.Version != old.Version:
					expect(err, session.ErrConflict)
				default:
					expect(err, nil)
					if e.Version++; version != e.Version {
						t.Fatalf("version %d, want %d", version, e.Version)
					}
					m.entries[e.Key] = e
				}
			},
			"remove": func(*rapid.T) {
				k := drawKey("s")
				got, err := s.Store.Remove(ctx, k)
				if want, ok := alive(k); ok {
					expect(err, nil)
					same(got, want)
					delete(m.entries, k)
					return
				}
				expect(err, session.ErrNotFound)
			},
			"step": func(*rapid.T) {
				taken, e, index, until := drawKey("s"), drawEntry(), drawKey("u"), drawEnd()
				_, there := alive(taken)
				err := func() error {
					done, err := s.Store.Apply(ctx, session.Step{
						Take: taken, Create: e, In: []session.Listing{{Index: index, Member: e.Key, Until: until}}, Read: []session.Key{e.Key, taken}, List: index,
					})
					if err == nil {
						if n := len(done.Entries); n != 1 && !(n == 2 && taken == e.Key) {
							t.Fatalf("read %d entries", n)
						}
						same(done.Entries[0], session.Entry{Key: e.Key, Value: e.Value, Version: 1, Expires: e.Expires})
						m.list(index, e.Key, until)
						if want := m.members(index, now(), time.Time{}, 10); !slices.Equal(done.Members, want) {
							t.Fatalf("listed %v, want %v", done.Members, want)
						}
					}
					return err
				}()
				if !there {
					expect(err, session.ErrNotFound)
					return
				}
				delete(m.entries, taken)
				if _, ok := alive(e.Key); ok {
					expect(err, session.ErrConflict)
					return
				}
				expect(err, nil)
				e.Version = 1
				m.entries[e.Key] = e
			},
			"enlist": func(*rapid.T) {
				index, member, until := drawKey("u"), drawKey("s"), drawEnd()
				expect(s.Store.Enlist(ctx, index, member, until), nil)
				m.list(index, member, until)
			},
			"delist": func(*rapid.T) {
				index, a, b := drawKey("u"), drawKey("s"), drawKey("s")
				expect(s.Store.Delist(ctx, index, a, b), nil)
				delete(m.indexes[index], a)
				delete(m.indexes[index], b)
			},
			"members": func(t *rapid.T) {
				index, limit := drawKey("u"), rapid.IntRange(0, 5).Draw(t, "limit")
				var before time.Time
				if rapid.Bool().Draw(t, "bounded") {
					before = now().Add(time.Duration(rapid.IntRange(-2, 7).Draw(t, "before")) * time.Minute)
				}
				got, err := s.Store.Members(ctx, index, before, limit)
				expect(err, nil)
				if want := m.members(index, now(), before, limit); !slices.Equal(got, want) {
					t.Fatalf("members %v, want %v", got, want)
				}
			},
			"time": func(t *rapid.T) {
				d := time.Duration(rapid.IntRange(1, 4).Draw(t, "passed")) * time.Minute
				s.Advance(d)
				passed += d
			},
		})
	})
}

func (m model) list(index, member session.Key, until time.Time) {
	if m.indexes[index] == nil {
		m.indexes[index] = map[session.Key]time.Time{}
	}
	m.indexes[index][member] = until
}

func (m model) members(index session.Key, now, before time.Time, limit int) []session.Key {
	var keys []session.Key
	for member, until := range m.indexes[index] {
		if until.After(now) && (before.IsZero() || until.Before(before)) {
			keys = append(keys, member)
		}
	}
	slices.SortFunc(keys, func(a, b session.Key) int {
		return cmp.Or(m.indexes[index][a].Compare(m.indexes[index][b]), cmp.Compare(a, b))
	})
	return keys[:min(limit, len(keys))]
}
