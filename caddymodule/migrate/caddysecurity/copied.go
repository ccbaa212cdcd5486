package caddysecurity

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

var (
	secretName  = regexp.MustCompile(`(?i)passw|secret|token|api[_-]?key|credential|mac_key|authorization|cookie$|bearer`)
	placeholder = regexp.MustCompile(`^\{[^{}]*\}$`)
	inserted    = regexp.MustCompile(`\{\$([A-Za-z_][A-Za-z0-9_]*)(?::[^{}]*)?\}`)
	// assigned is a parameter of an address with a secret in it, compared a text to which an expression compares something.
	assigned = regexp.MustCompile(`(?i)(?:passw|secret|token|api[_-]?key|credential|bearer)[a-z0-9_-]*=[^=*&{}\s'"` + "`" + `][^&{}\s'"` + "`" + `]*`)
	compared = regexp.MustCompile(`([=!]=\s*)('[^']+'|"[^"]+")`)
	userInfo = regexp.MustCompile(`://[^/@\s]*:[^/@\s]+@`)
)

// certificates are the directives and options that say where certificates come from.
var certificates = set("tls cert_issuer")

// copier takes over directives of Caddy.
type copier struct {
	plan *draft.Plan
	// secrets are the secrets that were found, with their placeholders; spare counts those without a name of their own.
	secrets map[string]string
	spare   int
	// known are the secrets of the option.
	known []string
}

// copied takes over lines that are Caddy's own. around are the names of the lines around them.
func (c *copier) copied(nodes []*node, closing func(string), around ...string) (lines []draft.Line) {
	for _, n := range nodes {
		switch name := n.name(); {
		case name == "import" && !n.block:
			closing(closedByImport)
			continue
		case name == "authorize" || name == "authenticate":
			c.plan.Note(draft.Missing, n.Origin, "is not read inside of this directive: the site is closed")
			closing(closedComment)
			continue
		case name == "dns" && certificates[around[0]] || name == "acme_dns":
			c.plan.Note(draft.Todo, n.Origin, "needs a module of Caddy for this provider: build Latchkey with it (docs/install.md), then write this line again")
			continue
		}
		if l := c.line(n, closing, around...); !n.block || len(l.Block) > 0 || len(n.inner) == 0 {
			lines = append(lines, l)
		}
	}
	return lines
}

// line takes over one line and its block.
func (c *copier) line(n *node, closing func(string), around ...string) draft.Line {
	l := draft.Line{Given: c.words(n, around), Verbatim: true, From: n.Origin}
	if n.block {
		l.Block = c.copied(n.inner, closing, append(slices.Clip(around), n.name())...)
	}
	return l
}

// words returns the words of a line with placeholders in place of secrets.
func (c *copier) words(n *node, around []string) []string {
	words := slices.Clone(n.words)
	if strings.HasPrefix(words[0], "@") && len(words) > 1 { // a matcher in one line
		one := *n
		one.words = words[1:]
		return append(words[:1:1], c.words(&one, []string{"matcher"})...)
	}
	parent := ""
	if len(around) > 0 {
		parent = around[len(around)-1]
	}
	first := len(words) // the first word that may be a secret
	switch _, rest := matcherWord(n.args()); {
	case n.name() == "eab" || n.name() == "acme_eab":
		first = 2
	case n.name() == "uri" && len(rest) > 2 && rest[0] == "query" && secretName.MatchString(rest[1]):
		first = len(words) - len(rest) + 2
	case (n.name() == "issuer" || n.name() == "cert_issuer") && n.arg(0) == "zerossl":
		first = 2
	case slices.Contains([]string{"basic_auth", "basicauth"}, parent):
		first = 1
	case slices.Contains([]string{"header", "header_up", "header_down", "request_header", "vars"}, n.name()) && len(rest) > 1 && secretName.MatchString(rest[0]):
		first = len(words) - len(rest) + 1
	case secretName.MatchString(words[0]) && !strings.HasSuffix(words[0], "_file") && len(around) > 0:
		first = 1
	}
	for i, word := range words {
		switch {
		case i >= first && !placeholder.MatchString(word) || userInfo.MatchString(word) || c.knows(word):
			words[i] = c.hidden(n.Origin, word)
		case assigned.MatchString(word):
			words[i] = c.renamed(n, assigned.ReplaceAllStringFunc(word, func(text string) string {
				name, value, _ := strings.Cut(text, "=")
				return name + "=" + c.hidden(n.Origin, value)
			}))
		case compared.MatchString(word) && secretName.MatchString(word):
			words[i] = c.renamed(n, compared.ReplaceAllStringFunc(word, func(text string) string {
				m := compared.FindStringSubmatch(text)
				return m[1] + c.hidden(n.Origin, m[2][1:len(m[2])-1])
			}))
		case i >= first && inserted.MatchString(word):
			words[i] = c.plan.Variable(inserted.FindStringSubmatch(word)[1])
		default:
			words[i] = c.renamed(n, words[i])
		}
		for _, m := range inserted.FindAllStringSubmatch(words[i], -1) {
			if !slices.Contains(c.plan.Inserted, m[1]) {
				c.plan.Inserted = append(c.plan.Inserted, m[1])
			}
		}
	}
	return words
}

// hidden returns the placeholder for a secret in a line of Caddy.
func (c *copier) hidden(o draft.Origin, value string) string {
	if name, ok := c.secrets[value]; ok {
		return name
	}
	c.spare++
	c.secrets[value] = c.plan.Secret(o, fmt.Sprintf("SECRET_%d", c.spare))
	return c.secrets[value]
}

// secretWords are the words of the option behind which secrets stand; plainWords are no secrets there.
var (
	secretWords = set("crypto password client_secret api code bind_password")
	plainWords  = set("default sign-verify verify sign lifetime overwrite autogenerate private public shared from directory system")
)

// collect remembers the secrets of a block, so that they are found elsewhere.
func (c *copier) collect(n *node) {
	for i, word := range n.words {
		shortcut := n.name() == "oauth" && i == 5
		if (secretWords[n.name()] && i > 0 || shortcut) && len(word) > 5 && !plainWords[word] && !placeholder.MatchString(word) {
			c.known = append(c.known, word)
		}
	}
	for _, one := range n.inner {
		c.collect(one)
	}
}

// knows reports whether a word has a secret of the option in it.
func (c *copier) knows(word string) bool {
	return slices.ContainsFunc(c.known, func(secret string) bool { return strings.Contains(word, secret) })
}

var userPlaceholder = regexp.MustCompile(`\{http\.auth\.user\.([a-z_]+)\}`)

// renamed returns a word with the placeholders of Latchkey for those of caddy-security.
func (c *copier) renamed(n *node, word string) string {
	return userPlaceholder.ReplaceAllStringFunc(word, func(text string) string {
		switch name := userPlaceholder.FindStringSubmatch(text)[1]; name {
		case "id", "email", "name":
			return text
		case "roles":
			c.plan.Note(draft.Differs, n.Origin, "{http.auth.user.roles} becomes {http.auth.user.groups}: the groups that the provider names, with commas between them")
			return "{http.auth.user.groups}"
		default:
			c.plan.Note(draft.Todo, n.Origin, "{http.auth.user.%s} is empty here: there are id, email, name and groups", name)
			return text
		}
	})
}
