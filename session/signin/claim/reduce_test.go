package claim

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestReduce(t *testing.T) {
	picture := `"` + strings.Repeat("p", 500) + `"`
	for _, row := range []struct {
		raw             string
		paths           []string
		kept            string
		large, dropped  []string
		lacks, lacksNot string
	}{
		{
			`{"picture":` + picture + `,"dept":"d","o":{"x":1,"y":2},"sub":"s"}`,
			[]string{"dept", "o.x", "none"},
			`{"\u0000":null,"dept":"d","o.x":1}`, nil,
			[]string{"picture", "sub"},
			"", "dept",
		},
		{`{"picture":` + picture + `,"dept":"d"}`, []string{"picture", "dept"}, `{"\u0000":null,"dept":"d","picture":null}`, []string{"picture"}, nil, "picture", "dept"},
		// A whole name that is too large is not answered for by the path of the same spelling, nor a null of the provider's taken for one.
		{`{"a.b":` + picture + `,"a":{"b":"other"},"n":null}`, []string{"a", "a.b", "n"}, `{"\u0000":null,"a":{"b":"other"},"a.b":null,"n":null}`, []string{"a.b"}, nil, "a.b", "x"},
		{`{"r":[{"n": "<x>","big":` + picture + `},{"n":"y"}]}`, []string{"r[*].n"}, `{"\u0000":null,"r[*].n":["\u003cx\u003e","y"]}`, nil, nil, "", "r[*].n"},
		{`{}`, nil, `{"\u0000":null}`, nil, nil, "", ""},
	} {
		m, err := Parse([]byte(row.raw))
		if err != nil {
			t.Fatal(err)
		}
		r := Reduce(m, row.paths, 200)
		if string(r.Kept) != row.kept || !slices.Equal(r.TooLarge, row.large) || !slices.Equal(r.Dropped, row.dropped) {
			t.Errorf("%.60s: %s, too large %q, dropped %q", row.raw, r.Kept, r.TooLarge, r.Dropped)
		}
		again, err := Parse(r.Kept)
		if err != nil || row.lacks != "" && !Lacks(again, row.lacks) || Lacks(again, row.lacksNot) || Lacks(m, row.lacks) {
			t.Errorf("%s: lacks %q? %v", r.Kept, row.lacks, err)
		}
	}
}

// Field trial 1.6: for whatever claims and paths, each path that fits leads to the value that it led to, and none to
// another one. What is kept is bounded and the same every time, and a smaller value never makes way for a larger one.
func TestReduceKeepsWhatIsNamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := object0(rt)
		paths := rapid.SliceOfN(rapid.Custom(anyPath), 0, 12).Draw(rt, "paths")
		limit := rapid.IntRange(40, 400).Draw(rt, "limit")
		r := Reduce(m, paths, limit)
		reversed := slices.Clone(paths)
		slices.Reverse(reversed)
		if again := Reduce(m, reversed, limit); !bytes.Equal(again.Kept, r.Kept) || !slices.Equal(again.TooLarge, r.TooLarge) {
			rt.Fatalf("%s and then %s", r.Kept, again.Kept)
		}
		kept, err := Parse(r.Kept)
		if err != nil || len(r.Kept) > limit {
			rt.Fatalf("%d bytes of %d: %v", len(r.Kept), limit, err)
		}
		all, largestKept, smallestGone := len(empty), 0, limit
		for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
			was, had := Set{m}.Get(path)
			now, has := Set{kept}.Get(path)
			gone := slices.Contains(r.TooLarge, path)
			switch {
			case !had || gone:
				if has && !isNull(now) {
					rt.Fatalf("%s leads to %s, not to %s (%t)", path, now, was, had)
				}
			case !has || compacted(rt, was) != compacted(rt, now):
				rt.Fatalf("%s leads to %s (%t), not to %s", path, now, has, was)
			}
			all += len(`,"":null`) + len(path)
			if had {
				size := len(compacted(rt, was))
				all += size
				if gone {
					smallestGone = min(smallestGone, size)
				} else {
					largestKept = max(largestKept, size)
				}
			}
		}
		if all <= limit && len(r.TooLarge) > 0 || largestKept > smallestGone {
			rt.Fatalf("%d bytes in %d, too large %q, kept up to %d, gone from %d", all, limit, r.TooLarge, largestKept, smallestGone)
		}
	})
}

var names = rapid.SampledFrom([]string{"a", "b", "c", "a.b", "a[*]", "a[*].b", "a[keys]", "b.a", ""})

func object0(rt *rapid.T) map[string]json.RawMessage {
	raw, err := json.Marshal(rapid.MapOf(names, rapid.Custom(func(t *rapid.T) any { return value(t, 2) })).Draw(rt, "claims"))
	if err != nil {
		rt.Fatal(err)
	}
	m, err := Parse(raw)
	if err != nil {
		rt.Fatal(err)
	}
	return m
}

func value(t *rapid.T, depth int) any {
	if depth == 0 || rapid.Bool().Draw(t, "leaf") {
		return rapid.OneOf(
			rapid.Map(rapid.IntRange(0, 300), func(n int) any { return strings.Repeat("x", n) }),
			rapid.SampledFrom([]any{nil, true, 7, "y", "ü", "<&>", map[string]any{}, []any{}}),
		).Draw(t, "leaf value")
	}
	inner := rapid.Custom(func(t *rapid.T) any { return value(t, depth-1) })
	if rapid.Bool().Draw(t, "list") {
		return rapid.SliceOfN(inner, 0, 3).Draw(t, "elements")
	}
	return rapid.MapOfN(names, inner, 0, 3).Draw(t, "members")
}

// anyPath is also such that CheckPath refuses: nothing that is written at a header may lead to another claim.
func anyPath(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", ".", ".a", ".b", "[*]", "[keys]", "a.b"}), 1, 5).Draw(t, "path"), "")
}

func compacted(rt *rapid.T, raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		rt.Fatal(err)
	}
	return b.String()
}
