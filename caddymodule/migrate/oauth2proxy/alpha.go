package oauth2proxy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// alpha is what the structured configuration (--alpha-config) has that is no key of the file.
type alpha struct {
	upstreams, request []*yaml.Node
	// parameters are the lines of the provider for the parameters of the authorization request.
	parameters []draft.Line
}

// alphaStart finds the first key of a structured configuration. TOML has no line that looks so.
var alphaStart = regexp.MustCompile(`(?i)\A(?:[ \t]*(?:#[^\n]*|---)?[ \t]*\r?\n)*(?:providers|upstreamConfig|injectRequestHeaders|injectResponseHeaders|server|metricsServer)[ \t]*:`)

// Read reads a configuration of oauth2-proxy: its TOML, its structured configuration, or the second in Options.Second.
func Read(source []byte, o draft.Options) (*draft.Plan, error) {
	structured := o.Second
	if alphaStart.Match(source) {
		if structured != nil {
			return nil, fmt.Errorf("both files are structured configurations: give the other one, with the cookie and email_domains, first")
		}
		source, structured = nil, source
	}
	keys, err := readTOML(source)
	if err != nil {
		return nil, err
	}
	c := newOAuth2Proxy(keys, o)
	if structured != nil {
		if err := c.readAlpha(structured); err != nil {
			if source != nil {
				err = fmt.Errorf("the structured configuration: %w", err)
			}
			return nil, err
		}
		if source == nil {
			c.Plan.Note(draft.Todo, draft.Origin{}, "the structured configuration is read alone: give the file with the rest (cookie, email_domains, store of sessions) first, and this one with --alpha-config")
		}
	}
	return c.convert()
}

func (c *oauth2Proxy) readAlpha(source []byte) error {
	root, err := draft.ReadYAML(source)
	if err != nil {
		return err
	}
	for _, key := range movedKeys {
		if one, ok := c.All[key]; ok {
			one.Read = true
			c.Plan.Note(draft.Unknown, one.Origin, "with a structured configuration oauth2-proxy does not start with this key: it is not taken over")
			delete(c.All, key)
		}
	}
	c.alpha = new(alpha)
	seen := map[string]bool{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		name := strings.ToLower(key.Value) // keys have no case, as for oauth2-proxy
		o := draft.At(key.Value, key.Line)
		if seen[name] {
			return o.Errorf("stands twice, in different cases")
		}
		seen[name] = true
		if value.Kind == yaml.ScalarNode && value.Value == "" {
			continue
		}
		switch name {
		case "providers":
			err = c.alphaProviders(o, value)
		case "upstreamconfig":
			err = c.alphaUpstreamConfig(o, value)
		case "injectrequestheaders":
			c.alpha.request, err = elements(o, value)
		case "injectresponseheaders":
			err = c.alphaResponse(o, value)
		case "server", "metricsserver":
			err = c.alphaServer(o, value)
		default:
			c.Plan.Note(draft.Unknown, o, "this key is not known here and is not taken over")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// elements returns the mappings of a list.
func elements(o draft.Origin, list *yaml.Node) ([]*yaml.Node, error) {
	if list.Kind != yaml.SequenceNode || len(list.Content) > draft.MaxList || slices.ContainsFunc(list.Content, func(n *yaml.Node) bool { return n.Kind != yaml.MappingNode }) {
		return nil, o.Errorf("want a list of at most %d mappings", draft.MaxList)
	}
	return list.Content, nil
}

// environment finds a reference to an environment variable, which oauth2-proxy puts in before it reads the file.
var environment = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// alphaKeys returns the keys of a mapping, in lower case. References to environment variables are refused but in keep.
func alphaKeys(prefix string, n *yaml.Node, keep ...string) (map[string]*draft.Entry, error) {
	if n.Kind != yaml.MappingNode {
		return nil, draft.At(strings.TrimSuffix(prefix, "."), n.Line).Errorf("want a mapping")
	}
	keys, err := draft.FlattenFold(prefix, n)
	if err != nil {
		return nil, err
	}
	for name, one := range keys {
		if text, ok := one.Value.(string); ok && environment.MatchString(text) && !slices.Contains(keep, name) {
			return nil, one.Errorf("has an environment variable in it: write its value in a copy of the file")
		}
	}
	return keys, nil
}

// rename makes keys of the file of those of the structured configuration.
func rename(all, keys map[string]*draft.Entry, names map[string]string) {
	for name, one := range keys {
		if to, ok := names[name]; ok {
			name = to
		} else {
			name = "structured " + name
		}
		all[name] = one
	}
}

func (c *oauth2Proxy) alphaProviders(o draft.Origin, list *yaml.Node) error {
	providers, err := elements(o, list)
	if err != nil {
		return err
	}
	if len(providers) == 0 {
		return nil
	}
	if len(providers) > 1 {
		c.Plan.Note(draft.Missing, draft.At("providers", providers[1].Line), "oauth2-proxy uses the first provider, and so does this Caddyfile: a second block `provider <name>` lets users choose")
	}
	keys, err := alphaKeys("providers.", providers[0], "clientid", "clientsecret", "oidcconfig.issuerurl")
	if err != nil {
		return err
	}
	if one, ok := keys["loginurlparameters"]; ok {
		delete(keys, "loginurlparameters")
		if err := c.alphaParameters(one); err != nil {
			return err
		}
	}
	rename(c.All, keys, providerKeys)
	return nil
}

// alphaParameters reads what is sent along to the provider. The parameters of which Latchkey decides become keys of the file.
func (c *oauth2Proxy) alphaParameters(one *draft.Entry) error {
	list, ok := one.Value.(*yaml.Node)
	if !ok {
		return one.Errorf("want a list of mappings")
	}
	parameters, err := elements(one.Origin, list)
	if err != nil {
		return err
	}
	for _, n := range parameters {
		keys, err := alphaKeys(one.Key+".", n)
		if err != nil {
			return err
		}
		e := &draft.Entries{Plan: c.Plan, All: keys}
		name, values, o := e.Text("name"), e.List("default"), e.Origin("name")
		if e.Has("allow") {
			e.Take("allow")
			c.Plan.Note(draft.Missing, e.Origin("allow"), "what stands in the address of a request is never sent to the provider")
		}
		switch {
		case len(values) == 0:
		case name == "prompt" || name == "approval_prompt" || name == "acr_values":
			c.All[name] = &draft.Entry{Origin: o, Value: strings.Join(values, " ")}
		default:
			c.alpha.parameters = append(c.alpha.parameters, o.Words("auth_param", name, values[0]))
			if len(values) > 1 {
				c.Plan.Note(draft.Missing, e.Origin("default"), "a parameter is sent once, with the first value")
			}
		}
		if err := e.Rest(nil); err != nil {
			return err
		}
	}
	return nil
}

// alphaServer reads where oauth2-proxy listens.
func (c *oauth2Proxy) alphaServer(o draft.Origin, n *yaml.Node) error {
	keys, err := alphaKeys(o.Key+".", n, "tls.key.value", "tls.cert.value")
	if err != nil {
		return err
	}
	names := serverKeys
	if strings.EqualFold(o.Key, "metricsServer") {
		names = metricsKeys
	}
	for name, one := range keys {
		if strings.HasPrefix(name, "tls.") && (strings.HasSuffix(name, ".value") || strings.HasSuffix(name, ".fromenv")) {
			delete(keys, name)
			c.Plan.Note(draft.Todo, one.Origin, "certificate and key are files here: write them to the disk, and `tls <certificate> <key>` into the site. Without it Caddy gets a certificate itself")
		}
	}
	rename(c.All, keys, names)
	return nil
}

// fromEnvironment returns the placeholder for a key whose whole value is an environment variable in the structured configuration.
func (c *oauth2Proxy) fromEnvironment(key string) (placeholder string, ok bool) {
	one, ok := c.All[key]
	if !ok || c.alpha == nil || !strings.Contains(one.Key, ".") {
		return "", false
	}
	text, _ := one.Value.(string)
	m := environment.FindStringSubmatch(text)
	if m == nil || m[0] != strings.TrimSpace(text) {
		return "", false
	}
	one.Read = true
	return c.Plan.Variable(m[1] + m[2]), true
}
