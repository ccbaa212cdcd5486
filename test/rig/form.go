package rig

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// Form is a form of a page, filled as a browser would send it.
type Form struct {
	Action string // absolute
	Method string
	Values url.Values
	button map[string][2]string // text -> name, value
}

// forms returns the forms of a page.
func (r Reply) forms(t testing.TB) []*Form {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(r.Text))
	if err != nil {
		t.Fatalf("parsing %s: %v", r.At, err)
	}
	var out []*Form
	byID := map[string]*Form{}
	var walk func(n *html.Node, in *Form)
	walk = func(n *html.Node, in *Form) {
		if n.Type == html.ElementNode {
			owner := in
			if other := byID[attr(n, "form")]; other != nil {
				owner = other
			}
			switch n.Data {
			case "form":
				action, err := r.At.Parse(attr(n, "action"))
				if err != nil {
					t.Fatalf("form action: %v", err)
				}
				in = &Form{Action: action.String(), Method: strings.ToUpper(attr(n, "method")), Values: url.Values{}, button: map[string][2]string{}}
				out = append(out, in)
				byID[attr(n, "id")] = in
			case "input":
				if k := attr(n, "type"); owner != nil && k != "checkbox" && k != "submit" && k != "radio" {
					owner.Values.Add(attr(n, "name"), attr(n, "value"))
				}
			case "button":
				if owner != nil {
					owner.button[strings.TrimSpace(text(n))] = [2]string{attr(n, "name"), attr(n, "value")}
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, in)
		}
	}
	walk(doc, nil)
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(text(c))
	}
	return b.String()
}

// Form returns the form that has a button of that text, with the button's own value filled in; the empty text means
// the only form of a page without buttons. It fails the test if there is none.
func (r Reply) Form(t testing.TB, button string) *Form {
	t.Helper()
	for _, f := range r.forms(t) {
		if b, ok := f.button[button]; ok {
			if b[0] != "" {
				f.Values.Set(b[0], b[1])
			}
			return f
		}
		if button == "" && len(f.button) == 0 {
			return f
		}
	}
	t.Fatalf("%d %s: no form with a button %q:\n%s", r.StatusCode, r.At, button, r.Text)
	return nil
}

// FormWith returns the form that has an input of that name, without the value of any button. It fails the test if there is
// none.
func (r Reply) FormWith(t testing.TB, field string) *Form {
	t.Helper()
	for _, f := range r.forms(t) {
		if f.Values.Has(field) {
			return f
		}
	}
	t.Fatalf("%d %s: no form with a field %q:\n%s", r.StatusCode, r.At, field, r.Text)
	return nil
}

// HasButton tells whether a form of the page has a button of that text.
func (r Reply) HasButton(t testing.TB, button string) bool {
	t.Helper()
	for _, f := range r.forms(t) {
		if _, ok := f.button[button]; ok {
			return true
		}
	}
	return false
}

// Send sends a form as a browser would from its own page.
func (c *HTTP) Send(f *Form) Reply {
	c.t.Helper()
	u, err := url.Parse(f.Action)
	if err != nil {
		c.t.Fatalf("form action: %v", err)
	}
	if f.Method != http.MethodPost {
		u.RawQuery = f.Values.Encode()
		return c.Get(u.String())
	}
	return c.Do(Call{URL: f.Action, Form: f.Values, Navigate: true, Header: http.Header{
		"Origin": {u.Scheme + "://" + u.Host}, "Sec-Fetch-Site": {"same-origin"},
	}})
}

// Press presses a button of a page and follows the redirects, and the forms that a script would send at once.
func (c *HTTP) Press(r Reply, button string) Reply {
	c.t.Helper()
	r = c.Follow(c.Send(r.Form(c.t, button)), nil)
	for range 3 {
		if !strings.Contains(r.Text, ".submit()") {
			break
		}
		forms := r.forms(c.t)
		if len(forms) != 1 {
			break
		}
		r = c.Follow(c.Send(forms[0]), nil)
	}
	return r
}
