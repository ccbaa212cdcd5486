package differential

import (
	"slices"
	"strings"
)

// shrink makes a case that fails smaller as long as it still fails in the same way, and returns the smallest.
func (x *trial) shrink(c *client, failed *outcome) *outcome {
	kind := kindOf(failed)
	best := failed
	tries := 0
	for better := true; better; {
		better = false
		for _, r := range smaller(best.kase.request) {
			if tries++; tries > 600 {
				return best
			}
			k := *best.kase
			k.number, k.request = -1, r
			if o := x.send(c, &k); slices.Contains(kindsOf(o), kind) {
				best, better = o, true
				break
			}
		}
	}
	return best
}

func kindOf(o *outcome) string { return kindsOf(o)[0] }

// kindsOf are the first words of what is wrong, without what differs from try to try.
func kindsOf(o *outcome) (out []string) {
	for _, w := range o.wrong {
		w, _, _ = strings.Cut(w, ":")
		w, _, _ = strings.Cut(w, `"`)
		out = append(out, w)
	}
	return out
}

// smaller are requests with one thing less.
func smaller(r *request) (out []*request) {
	try := func(f func(*request)) {
		c := r.clone()
		f(c)
		if c.String() != r.String() {
			out = append(out, c)
		}
	}
	for i := range r.header {
		try(func(c *request) { c.header = slices.Delete(c.header, i, i+1) })
	}
	try(func(c *request) { c.body = "" })
	if r.proto == http10 {
		try(func(c *request) { c.proto = http11 })
	}
	try(func(c *request) { c.method = "GET" })
	try(func(c *request) { c.setPath(func(string) string { return "/" }) })
	try(func(c *request) { c.target, _, _ = c.pathAndQuery() })
	for size := len(r.target) / 2; size > 0; size /= 2 {
		for i := 0; i+size <= len(r.target) && i < 200; i += size {
			try(func(c *request) { c.target = c.target[:i] + c.target[i+size:] })
		}
	}
	return out
}
