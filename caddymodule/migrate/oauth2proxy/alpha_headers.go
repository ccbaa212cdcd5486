package oauth2proxy

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// alphaResponse names the headers of answers.
func (c *oauth2Proxy) alphaResponse(o draft.Origin, list *yaml.Node) error {
	headers, err := elements(o, list)
	for _, n := range headers {
		c.Plan.Note(draft.Differs, draft.At(o.Key, n.Line), "Latchkey stands in front of the app and tells the app, not nginx (auth_request) or Traefik (forwardAuth). A browser is told nothing: `header <Name> <value>` of Caddy sets a fixed header of answers")
	}
	return err
}

// forwarded are the headers of `headers forwarded` and what they have in oauth2-proxy.
var forwarded = map[string]string{"x-forwarded-user": "user", "x-forwarded-email": "email", "x-forwarded-preferred-username": "preferred_username", "x-forwarded-groups": "groups"}

// alphaHeader is a header of requests with its only value.
type alphaHeader struct {
	*draft.Entries
	name  string
	at    draft.Origin
	value map[string]*draft.Entry
}

// alphaHeaders reads what the apps are told.
func (c *oauth2Proxy) alphaHeaders() {
	preset, rest := "headers none", []draft.Line(nil)
	fixed := []draft.Line{}
	set := map[string]bool{}
	for _, n := range c.alpha.request {
		h, ok := c.alphaHeader(n)
		if !ok {
			return
		}
		name := strings.ToLower(h.name)
		if set[name] {
			c.Faults = append(c.Faults, h.at.Errorf("a header stands twice"))
			return
		}
		set[name] = true
		switch {
		case h.value == nil:
		case h.Has("claim") && h.standard(name):
			h.Take("claim")
			if name == "x-forwarded-groups" || preset == "headers forwarded groups" {
				preset = "headers forwarded groups"
			} else {
				preset = "headers forwarded"
			}
		case h.Has("claim"):
			rest = append(rest, c.alphaClaim(h)...)
		default:
			fixed = append(fixed, c.alphaFixed(h)...)
		}
		if err := h.Rest(map[string]draft.Explained{
			"insecureskipheadernormalization": differs("names of headers are written as HTTP has them"),
			"basicauthpassword.value":         missing(noBasic), "basicauthpassword.fromenv": missing(noBasic), "basicauthpassword.fromfile": missing(noBasic),
		}); err != nil {
			c.Faults = append(c.Faults, err)
		}
	}
	if preset != "headers none" {
		rest = withoutPreset(rest, preset)
		c.Plan.Note(draft.Differs, draft.At("injectRequestHeaders", 0), "%s", forwardedDiffers)
	}
	c.site.Rules = append(append(c.site.Rules, draft.Words(preset)), rest...)
	c.alphaFixedLines = fixed
}

const noBasic = "no HTTP Basic password is sent to the app: it reads a header, or verifies `assertion`. `request_header Authorization` of Caddy, behind `latchkey`, sends a fixed one"

// withoutPreset leaves out the headers that `headers forwarded` sets itself.
func withoutPreset(lines []draft.Line, preset string) (kept []draft.Line) {
	for _, l := range lines {
		name := ""
		if len(l.Given) > 0 {
			name = strings.ToLower(l.Given[0])
		}
		if forwarded[name] == "" || name == "x-forwarded-groups" && preset == "headers forwarded" {
			kept = append(kept, l)
		}
	}
	return kept
}

func (h *alphaHeader) standard(name string) bool {
	return forwarded[name] != "" && h.All["claim"].Value == forwarded[name] && !h.Has("prefix")
}

// alphaHeader reads a header. The keys of its value stand beside its own.
func (c *oauth2Proxy) alphaHeader(n *yaml.Node) (h *alphaHeader, ok bool) {
	keys, err := alphaKeys("injectRequestHeaders.", n)
	if err != nil {
		c.Faults = append(c.Faults, err)
		return nil, false
	}
	h = &alphaHeader{Entries: &draft.Entries{Plan: c.Plan, All: keys}}
	h.name, h.at = h.Text("name"), h.Origin("name")
	if !draft.IsHeaderName(h.name) {
		c.Faults = append(c.Faults, draft.At("injectRequestHeaders", n.Line).Errorf("has no name of a header"))
		return nil, false
	}
	if h.Flag("preserverequestvalue", false) {
		c.Plan.Note(draft.Missing, h.Origin("preserverequestvalue"), "what a client sends in a header of an identity never reaches the app")
	}
	one, has := h.All["values"]
	if !has {
		return h, true
	}
	one.Read = true
	list, isNode := one.Value.(*yaml.Node)
	if !isNode {
		c.Faults = append(c.Faults, one.Errorf("want a list of mappings"))
		return nil, false
	}
	values, err := elements(one.Origin, list)
	if err == nil && len(values) > 0 {
		h.value, err = alphaKeys("injectRequestHeaders.values.", values[0])
	}
	if err != nil {
		c.Faults = append(c.Faults, err)
		return nil, false
	}
	if len(values) > 1 {
		c.Plan.Note(draft.Missing, h.at, "a header has one value: the first one is taken over")
	}
	for name, e := range h.value {
		h.All[strings.TrimPrefix(strings.TrimPrefix(name, "claimsource."), "secretsource.")] = e
	}
	return h, true
}

// alphaClaim returns the line for a header that says something about the user.
func (c *oauth2Proxy) alphaClaim(h *alphaHeader) []draft.Line {
	claim, prefix, o := h.Text("claim"), h.Text("prefix"), h.Origin("claim")
	if strings.HasPrefix(h.name, "X-Forwarded-Access-Token") || claim == "access_token" {
		if claim != "access_token" || prefix != "" && !strings.EqualFold(h.name, "Authorization") {
			c.Plan.Note(draft.Missing, o, "an access token is sent under its own header, without a text in front: `forward_access_token as <Name>`")
			return nil
		}
		if strings.EqualFold(h.name, "Authorization") {
			return []draft.Line{draft.Words("forward_access_token")}
		}
		return []draft.Line{h.at.Words("forward_access_token as", h.name)}
	}
	switch claim {
	case "id_token", "refresh_token", "created_at", "expires_on":
		c.Plan.Note(draft.Missing, o, "this is never sent to an app. If the app asks who is there: headers, or `assertion`, which is signed")
		return nil
	case "user":
		claim = presets[c.Text("provider")].user
		if claim == "" {
			claim = "sub"
		}
	case "groups":
		if named := c.Text("oidc_groups_claim"); named != "" {
			claim = named
		}
	case "email":
		c.Plan.Note(draft.Differs, o, "the claim email is sent as the provider states it; X-Forwarded-Email and Remote-Email only have a verified address")
	}
	if prefix != "" || strings.EqualFold(h.name, "Authorization") {
		c.Plan.Note(draft.Missing, o, "a claim is sent without a text in front, and not in the header Authorization: the header is left out")
		return nil
	}
	return []draft.Line{h.at.Words("header", h.name, claim)}
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// alphaFixed returns the line for a header with a fixed, secret value.
func (c *oauth2Proxy) alphaFixed(h *alphaHeader) []draft.Line {
	env, file := h.Text("fromenv"), h.Text("fromfile")
	var value string
	switch {
	case h.Has("value"):
		h.Take("value")
		value = c.Plan.Secret(h.Origin("value"), "HEADER_"+strings.ToUpper(strings.ReplaceAll(h.name, "-", "_")))
		c.Plan.Note(draft.Differs, h.Origin("value"), "the value is in base64 in the structured configuration: the variable has what it stands for")
	case variableName.MatchString(env):
		value = c.Plan.Variable(env)
	case strings.HasPrefix(file, "/") && firstfile.CheckQuoted("", file, draft.MaxValue) == nil && !strings.ContainsAny(file, " #<"):
		value = "{file." + file + "}"
	default:
		c.Plan.Note(draft.Missing, h.at, "the header has no value that can be taken over")
		return nil
	}
	l := h.at.Words("request_header", h.name)
	l.After = value
	return []draft.Line{l}
}
