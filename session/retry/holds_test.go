package retry

import (
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestHoldsIsItsModel: over any calls, what lasts is what was put and not deleted, but for new keys that came while as many
// others lasted as there may be. There are never more keys than that, and the time of an update is one that was kept.
func TestHoldsIsItsModel(t *testing.T) {
	type held struct {
		key   int
		until time.Time
		value int
	}
	rapid.Check(t, func(t *rapid.T) {
		h := Holds[int, int]{Most: rapid.IntRange(1, 5).Draw(t, "most")}
		now := time.Unix(1000, 0)
		var model []held // what was put last of each key, whether it lasts or not
		find := func(key int) int { return slices.IndexFunc(model, func(e held) bool { return e.key == key }) }
		lasting := func() (n int) {
			for _, e := range model {
				if now.Before(e.until) {
					n++
				}
			}
			return n
		}
		key := rapid.IntRange(0, 9)
		t.Repeat(map[string]func(*rapid.T){
			"wait": func(t *rapid.T) { now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "s")) * time.Second) },
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				h.Delete(k)
				model = slices.DeleteFunc(model, func(e held) bool { return e.key == k })
			},
			"put": func(t *rapid.T) {
				k, value := key.Draw(t, "key"), rapid.Int().Draw(t, "value")
				until := now.Add(time.Duration(rapid.IntRange(-1, 9).Draw(t, "for")) * time.Second)
				i, before, called := find(k), lasting(), false
				h.Update(k, now, func(old Hold[int]) Hold[int] {
					called = true
					if old != (Hold[int]{}) && (i < 0 || old != Hold[int]{model[i].until, model[i].value}) {
						t.Fatalf("key %d had %+v, which it was not given", k, old)
					}
					if i >= 0 && now.Before(model[i].until) && old == (Hold[int]{}) {
						t.Fatalf("key %d lasts and is not known", k)
					}
					return Hold[int]{Until: until, Value: value}
				})
				lasts := i >= 0 && now.Before(model[i].until)
				if room := before < h.Most || lasts; room && !called {
					t.Fatalf("key %d is left out though there is room", k)
				}
				if !called {
					return
				}
				if i >= 0 {
					model = slices.Delete(model, i, i+1)
				}
				model = append(model, held{k, until, value})
			},
			"": func(t *rapid.T) {
				if len(h.all) > h.Most {
					t.Fatalf("%d keys, at most %d", len(h.all), h.Most)
				}
				for k := range 10 {
					i := find(k)
					want := i >= 0 && now.Before(model[i].until)
					got, lasts := h.Get(k, now)
					if lasts != want || lasts && got != (Hold[int]{model[i].until, model[i].value}) {
						t.Fatalf("key %d: %+v, %v, want %v", k, got, lasts, want)
					}
				}
			},
		})
	})
}

func TestHoldsIsSafe(t *testing.T) {
	h := Holds[int, int]{Most: 4}
	now := time.Unix(1000, 0)
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for i := range 1000 {
				h.Update(i%3, now, func(old Hold[int]) Hold[int] { return Hold[int]{now.Add(1), old.Value + 1} })
				h.Get(i%3, now)
				h.Delete(3)
			}
		})
	}
	work.Wait()
	sum := 0
	for k := range 3 {
		one, _ := h.Get(k, now)
		sum += one.Value
	}
	if sum != 8000 {
		t.Errorf("%d of 8000 updates count", sum)
	}
}
