package caddyfile

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/latchkey-gateway/latchkey/caddymodule/config"
)

// siteBlock describes the site block around a directive.
type siteBlock struct {
	id   uintptr // identifies the block; 0 is unknown
	keys []string
}

// enclosing finds the site block around a directive. Caddy's helper has it but exports only the names of its files, so
// it is read by reflection. If a later version of Caddy renames the field, sites must name their apps: the error says
// so, and no site gets a wrong name.
func enclosing(h httpcaddyfile.Helper) (b siteBlock) {
	block := reflect.ValueOf(h).FieldByName("parentBlock")
	if block.Kind() != reflect.Struct {
		return b
	}
	tokens := block.FieldByName("Keys")
	if tokens.Kind() != reflect.Slice || tokens.Len() == 0 {
		return b
	}
	for i := range tokens.Len() {
		text := tokens.Index(i)
		if text.Kind() == reflect.Struct {
			text = text.FieldByName("Text")
		}
		if text.Kind() != reflect.String {
			return b
		}
		b.keys = append(b.keys, text.String())
	}
	b.id = tokens.Pointer()
	return b
}

// defaultName returns the first host name of the site, or its first address if no address has a host. The host of a
// request cannot be used: a site with several hosts is one app, whichever of them a client uses.
func (b siteBlock) defaultName() (string, error) {
	for _, key := range b.keys {
		addr, err := httpcaddyfile.ParseAddress(key)
		if err != nil || addr.Host == "" {
			continue
		}
		if config.HasPlaceholder(addr.Host) {
			return "", fmt.Errorf("the address %s has a placeholder in it: name the site with `app <name>`", key)
		}
		return strings.ToLower(strings.TrimSuffix(addr.Host, ".")), nil
	}
	if len(b.keys) == 0 || config.HasPlaceholder(b.keys[0]) {
		return "", errors.New("the site has no host name: name it with `app <name>`")
	}
	return b.keys[0], nil
}

// siteNames records the sites with the directive while one Caddyfile is adapted.
type siteNames struct {
	byBlock map[uintptr]string
	byApp   map[string]string
}

// settle sets the name of the site. It refuses a second directive in the same site, and a second site with the same
// name: a policy that names the app would be ambiguous.
func (s *siteParser) settle() error {
	seen := &s.all.sites
	here := fmt.Sprintf("%s:%d", s.start.File, s.start.Line)
	block := enclosing(s.Helper)
	if first, ok := seen.byBlock[block.id]; ok && block.id != 0 {
		return fmt.Errorf("latchkey stands in this site already, at %s; one directive takes all its policies", first)
	}
	seen.byBlock[block.id] = here
	if s.global.SignInHost != nil {
		s.Hosts = block.siteHosts()
		if err := config.CheckSiteHosts(s.Hosts); err != nil {
			return err
		}
	}
	if s.App == "" {
		if s.IsNamedRoute() {
			return errors.New("a named route belongs to no site: name it with `app <name>`")
		}
		name, err := block.defaultName()
		if err != nil {
			return err
		}
		s.App = name
	}
	if first, ok := seen.byApp[s.App]; ok {
		return fmt.Errorf("app %q is the name of another site already, at %s: name one of them with `app <name>`", s.App, first)
	}
	seen.byApp[s.App] = here
	return nil
}

// siteHosts returns the hosts of a site block, with their ports where given.
func (b siteBlock) siteHosts() (hosts []string) {
	for _, key := range b.keys {
		addr, err := httpcaddyfile.ParseAddress(key)
		if err != nil || addr.Host == "" {
			continue
		}
		host := strings.ToLower(strings.TrimSuffix(addr.Host, "."))
		if addr.Port != "" {
			host = net.JoinHostPort(host, addr.Port)
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
