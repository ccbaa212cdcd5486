package caddyfile

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/caddyfile/grammar"
	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

var peopleWords = []string{"group", "user", "domain", "provider"}

// people reads a selection of users. The current token is its kind; names follow:
//
//	group|user|domain <name>... [from <provider>...]
//	provider <name>...
//
// known is false if the token is not one of these kinds.
func people(d *caddyfile.Dispenser, who *config.Who) (known bool, err error) {
	lists := func(w *config.PeopleFrom) map[string]*[]string {
		return map[string]*[]string{"group": &w.Groups, "user": &w.Users, "domain": &w.Domains}
	}
	kind := d.Val()
	if !slices.Contains(peopleWords, kind) {
		return false, nil
	}
	if kind == "provider" {
		return true, grammar.Names(d, &who.Providers)
	}
	named, err := grammar.List(d)
	if err != nil {
		return true, err
	}
	from := slices.Index(named, "from")
	if from < 0 {
		everywhere := config.PeopleFrom{Groups: who.Groups, Users: who.Users, Domains: who.Domains}
		to := lists(&everywhere)[kind]
		*to = append(*to, named...)
		who.Groups, who.Users, who.Domains = everywhere.Groups, everywhere.Users, everywhere.Domains
		if err := config.CheckPeople(who.Groups, who.Users, who.Domains); err != nil {
			return true, d.WrapErr(err)
		}
		return true, nil
	}
	named, providers := named[:from], named[from+1:]
	if len(named) == 0 || len(providers) == 0 {
		return true, d.Errf("%s: names come before `from`, and providers after it", kind)
	}
	for _, provider := range providers {
		i := slices.IndexFunc(who.From, func(f config.PeopleFrom) bool { return f.Provider == provider })
		if i < 0 {
			i = len(who.From)
			who.From = append(who.From, config.PeopleFrom{Provider: provider})
		}
		f := &who.From[i]
		to := lists(f)[kind]
		*to = append(*to, named...)
		if err := config.CheckPeople(f.Groups, f.Users, f.Domains); err != nil {
			return true, d.WrapErr(err)
		}
	}
	return true, nil
}
