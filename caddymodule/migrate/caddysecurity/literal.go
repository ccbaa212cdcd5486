package caddysecurity

import (
	"regexp"
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// literal is one condition of a rule: that a field of the user or of the request has one of some values.
type literal struct {
	from draft.Origin
	// everyone says that it holds for all users who are signed in.
	everyone bool
	// field is roles, email, domain, sub, realm, method or path.
	field   string
	values  []string
	negated bool
	// strange says that the condition has no equivalent.
	strange bool
	// when is the condition of a request, for method and path.
	when when
	// words are those of the condition.
	words string
}

// fields are the names of fields that mean the same.
var fields = map[string]string{
	"role": "roles", "group": "roles", "groups": "roles", "roles": "roles", "mail": "email", "email": "email", "subject": "sub", "sub": "sub",
	"realm": "realm", "origin": "realm", "http_method": "method", "method": "method", "http_path": "path", "path": "path",
}

var strategies = set("exact partial prefix suffix regex")

// condition reads a condition: [no] [exact|partial|prefix|suffix|regex] match [any] <field> <value>..., or field <field> exists.
func condition(o draft.Origin, words []string) literal {
	l := literal{from: o, strange: true, words: strings.Join(words, "\x00")}
	if strings.Join(words, " ") == "match any" {
		return literal{from: o, everyone: true}
	}
	if len(words) == 3 && words[0] == "field" && words[2] == "exists" {
		field := words[1]
		if slices.Contains([]string{"roles", "role", "group", "groups", "sub", "subject", "exp", "expires"}, field) {
			return literal{from: o, everyone: true}
		}
		return l
	}
	strategy := "exact"
	if len(words) > 0 && words[0] == "no" {
		l.negated, words = true, words[1:]
	}
	if len(words) > 0 && strategies[words[0]] {
		strategy, words = words[0], words[1:]
	}
	if len(words) < 3 || words[0] != "match" {
		return l
	}
	words = words[1:]
	if words[0] == "any" {
		return l // each value or each expression has to differ: there is no word for it
	}
	l.field, l.values = fields[words[0]], words[1:]
	switch {
	case l.field == "method" || l.field == "path":
		return l.request(strategy)
	case l.field == "" || slices.ContainsFunc(l.values, func(v string) bool { return v == "" || strings.ContainsAny(v, "\\\"`") && strategy == "exact" }):
	case l.negated && l.field != "roles":
	case strategy == "exact":
		l.strange = slices.ContainsFunc(l.values, func(v string) bool { return strings.Contains(inserted.ReplaceAllString(v, ""), "{") })
	case l.field == "email" && !l.negated:
		return l.domain(strategy)
	}
	return l
}

var domainPattern = regexp.MustCompile(`^(?:\^?(?:\.\*|\.\+|\[\^@\]\+))?@((?:[A-Za-z0-9-]+\\\.)+[A-Za-z0-9-]+)\$$`)

// domain reads a condition that is about the domain of an address.
func (l literal) domain(strategy string) literal {
	var domains []string
	for _, v := range l.values {
		domain, ok := strings.CutPrefix(v, "@")
		switch m := domainPattern.FindStringSubmatch(v); {
		case strategy == "suffix" && ok && !strings.ContainsAny(domain, "@{}"):
			domains = append(domains, strings.ToLower(domain))
		case strategy == "regex" && m != nil:
			domains = append(domains, strings.ToLower(strings.ReplaceAll(m[1], `\.`, ".")))
		default:
			return l
		}
	}
	l.field, l.values, l.strange = "domain", domains, false
	return l
}

// request reads a condition about the method or the path of a request.
func (l literal) request(strategy string) literal {
	if l.field == "method" {
		if strategy != "exact" || slices.ContainsFunc(l.values, func(v string) bool { return !draft.IsMethod(v) }) {
			return l
		}
		l.when = when{lines: []draft.Line{l.from.Words("method", l.values...)}}
		l.strange = false
	} else {
		var each []when
		for _, v := range l.values {
			c, ok := pattern(l.from, expression(strategy, v))
			if !ok {
				return l
			}
			each = append(each, c)
		}
		l.when, l.strange = anyOf(each...), false
	}
	if l.negated {
		l.when = l.when.not()
	}
	return l
}

// expression returns a regular expression for a way to compare texts.
func expression(strategy, text string) string {
	quoted := regexp.QuoteMeta(text)
	switch strategy {
	case "exact":
		return "^" + quoted + "$"
	case "prefix":
		return "^" + quoted
	case "suffix":
		return quoted + "$"
	case "partial":
		return quoted
	}
	return text
}
