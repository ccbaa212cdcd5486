package apache

import (
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-gateway/latchkey/caddymodule/firstfile"
	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

const wellKnown = "/.well-known/openid-configuration"

// at returns where a directive stands, if it does, else only its name.
func at(e *draft.Entries, name string) draft.Origin {
	if o := e.Origin(strings.ToLower(name)); o.Line > 0 {
		return o
	}
	return draft.At(name, 0)
}

func joined(faults []error) error { return errors.Join(faults...) }

// provider reads where users sign in. Servers with the same settings share a provider.
func (r *reader) provider(s *server) {
	e := s.entries
	lines := r.issuer(e)
	if id := e.Text("oidcclientid"); id != "" {
		lines = append(lines, e.Origin("oidcclientid").Words("client_id", id))
	} else {
		r.plan.Note(draft.Todo, draft.At("OIDCClientID", 0), "the file has none: put it into the environment variable OIDC_CLIENT_ID")
		lines = append(lines, draft.Words("client_id "+r.plan.Variable("OIDC_CLIENT_ID")))
	}
	lines = append(lines, r.client(e)...)
	if scope := strings.Fields(e.Text("oidcscope")); len(scope) > 0 {
		lines = append(lines, e.Origin("oidcscope").Words("scopes", draft.Unique(append([]string{"openid"}, scope...))...))
	} else {
		minimal := draft.Words("scopes openid")
		minimal.Comment = "mod_auth_openidc asks for no more. Without this line Latchkey asks for profile, email and a refresh token as well."
		lines = append(lines, minimal)
	}
	lines = append(lines, r.asked(e)...)
	if ca := e.Text("oidccabundlepath"); ca != "" {
		lines = append(lines, e.Origin("oidccabundlepath").Words("ca_file", ca))
	}
	if end := e.Text("oidcproviderendsessionendpoint"); strings.HasPrefix(end, "https://") && !strings.ContainsAny(end, "{}@") {
		lines = append(lines, e.Origin("oidcproviderendsessionendpoint").Words("end_session_url", end))
	} else if end != "" {
		r.plan.Note(draft.Differs, e.Origin("oidcproviderendsessionendpoint"), draft.OwnChecks)
	}
	lines = append(lines, r.claims(s)...)
	name, comment := "", "Where users sign in."
	p := draft.Line{Words: "provider", Block: lines, Comment: comment}
	text := describe(lines)
	if known, ok := r.providers[text]; ok {
		name = known
	} else {
		if len(r.providers) > 0 {
			name = strings.Map(func(c rune) rune {
				if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
					return c
				}
				return '-'
			}, strings.ToLower(s.site.Addresses[0]))
			p.Words = "provider " + name
		}
		r.providers[text] = name
		r.plan.Providers = append(r.plan.Providers, p)
	}
	if name != "" {
		s.site.Rules = append(s.site.Rules, draft.Words("provider "+name))
	}
}

// describe returns lines as a text that is the same for the same lines.
func describe(lines []draft.Line) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Words + "\x00" + strings.Join(l.Given, "\x00") + "\n")
	}
	return b.String()
}

func (r *reader) issuer(e *draft.Entries) []draft.Line {
	issuer, metadata := e.Text("oidcproviderissuer"), e.Text("oidcprovidermetadataurl")
	o := at(e, "OIDCProviderIssuer")
	if before, ok := strings.CutSuffix(metadata, wellKnown); ok && issuer == "" {
		issuer, o = before, e.Origin("oidcprovidermetadataurl")
		r.plan.Note(draft.Differs, o, "the issuer is what stands before "+wellKnown+": `latchkey doctor` says whether the provider spells it so")
	}
	if e.Has("oidcmetadatadir") {
		e.Text("oidcmetadatadir")
		r.plan.Note(draft.Todo, e.Origin("oidcmetadatadir"), "the providers are in files of this directory, which are not read: write a block `provider <name>` for each, and users choose among those that a site names")
	}
	if issuer == "" {
		r.plan.Note(draft.Todo, o, "the issuer of the provider is not known: put it into the environment variable %s", draft.IssuerVariable)
		return []draft.Line{draft.Words("issuer " + r.plan.Variable(draft.IssuerVariable))}
	}
	if firstfile.CheckIssuer(issuer) != nil {
		e.Faults = append(e.Faults, o.Errorf("is no issuer: https without user, query and fragment; http for this machine only"))
		return nil
	}
	lines := []draft.Line{o.Words("issuer", issuer)}
	if metadata != "" && metadata != strings.TrimSuffix(issuer, "/")+wellKnown {
		lines = append(lines, e.Origin("oidcprovidermetadataurl").Words("metadata_url", metadata))
	}
	return lines
}

// client returns how the gateway authenticates.
func (r *reader) client(e *draft.Entries) (lines []draft.Line) {
	cert, key := e.Text("oidcclienttokenendpointcert"), e.Text("oidcclienttokenendpointkey")
	method, secret, private := e.Text("oidcprovidertokenendpointauth"), at(e, "OIDCClientSecret"), e.List("oidcprivatekeyfiles")
	hasSecret := e.Has("oidcclientsecret")
	e.Take("oidcclientsecret")
	switch {
	case cert != "" && key != "":
		lines = append(lines, e.Origin("oidcclienttokenendpointcert").Words("client_auth tls", cert, key))
	case method == "private_key_jwt" && len(private) > 0:
		_, path, ok := strings.Cut(private[0], "#")
		if !ok {
			path = private[0]
		}
		lines = append(lines, e.Origin("oidcprivatekeyfiles").Words("client_auth private_key_jwt", path))
		r.plan.Note(draft.Differs, e.Origin("oidcprivatekeyfiles"), "the key signs what the client says of itself; tokens are not encrypted for it")
	case !hasSecret && method == "none":
		r.plan.Note(draft.Todo, e.Origin("oidcprovidertokenendpointauth"), "Latchkey is a confidential client: have the provider give this client a secret")
		lines = append(lines, draft.Words("client_secret "+r.plan.Variable(firstfile.SecretVariable)))
	default:
		lines = append(lines, draft.Words("client_secret "+r.plan.Secret(secret, firstfile.SecretVariable)))
		if method == "client_secret_basic" || method == "client_secret_post" {
			lines = append(lines, draft.Words("client_auth "+method))
		} else if method != "" {
			r.plan.Note(draft.Missing, e.Origin("oidcprovidertokenendpointauth"), "a client authenticates with a secret (client_secret_basic or client_secret_post), a key (private_key_jwt) or a certificate")
		}
	}
	return lines
}

// asked returns what is sent along to the provider.
func (r *reader) asked(e *draft.Entries) (lines []draft.Line) {
	o := e.Origin("oidcauthrequestparams")
	if text := e.Text("oidcauthrequestparams"); text != "" {
		values, err := url.ParseQuery(text)
		if err != nil {
			e.Fault("oidcauthrequestparams", "want name=value, with & between them")
		}
		for _, name := range sorted(values) {
			if name == "prompt" || name == "max_age" || name == "acr_values" {
				r.plan.Note(draft.Differs, o, "Latchkey decides about prompt, max_age and acr_values itself, from the policies: `sign_in_frequency` asks users again, `require acr:<value>` demands a way of authentication and checks it")
				continue
			}
			lines = append(lines, o.Words("auth_param", name, values.Get(name)))
		}
	}
	if mode := e.Text("oidcresponsemode"); mode == "query" || mode == "form_post" {
		lines = append(lines, e.Origin("oidcresponsemode").Words("auth_param response_mode", mode))
	} else if mode != "" {
		r.plan.Note(draft.Missing, e.Origin("oidcresponsemode"), "response_mode is query or form_post")
	}
	if kind := e.Text("oidcresponsetype"); kind != "" && kind != "code" {
		r.plan.Note(draft.Differs, e.Origin("oidcresponsetype"), "the response type is always code, with PKCE: have the provider permit it for this client")
	}
	if strings.EqualFold(e.Text("oidcsslvalidateserver"), "off") {
		r.plan.Note(draft.Missing, e.Origin("oidcsslvalidateserver"), "the certificate of the provider is always verified: name its authority with ca_file in the provider")
	}
	return lines
}

func sorted(values url.Values) (names []string) {
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// claims returns what is read of the user.
func (r *reader) claims(s *server) (lines []draft.Line) {
	e := s.entries
	words := e.List("oidcremoteuserclaim")
	o := at(e, "OIDCRemoteUserClaim")
	s.user = "sub"
	if len(words) > 0 {
		s.user = strings.TrimSuffix(words[0], "@")
	}
	if len(words) > 1 {
		r.plan.Note(draft.Missing, o, "a name is the whole claim: the regular expression is not taken over")
	}
	if len(words) == 0 || strings.HasSuffix(words[0], "@") {
		r.plan.Note(draft.Differs, o, "REMOTE_USER had the issuer behind the claim %s; Remote-User is the claim alone", "sub or the one that is named")
	}
	name := o.Words("user_claim", draft.Unique([]string{s.user, "sub"})...)
	name.Comment = "What REMOTE_USER was. Without this line a name that users know, preferred_username or email, stands in headers and in the log."
	lines = append(lines, name)
	s.groups = groupsClaim(s.all, s.user)
	if s.groups != "" && s.groups != "groups" {
		lines = append(lines, draft.Origin{}.Words("groups_claim", s.groups))
	}
	return lines
}

// sessions reads how long sessions live. They are the same for all servers here.
func (r *reader) sessions(s *server) {
	e := s.entries
	idle, most := seconds(e, "oidcsessioninactivitytimeout", 5*time.Minute), seconds(e, "oidcsessionmaxduration", 8*time.Hour)
	if most == 0 {
		most = 8 * time.Hour
		r.plan.Note(draft.Differs, e.Origin("oidcsessionmaxduration"), "a session does not end with the ID token: it ends after 8 hours here")
	}
	kind := e.Text("oidcsessiontype")
	refresh := seconds(e, "oidcuserinforefreshinterval", 0)
	if r.stored {
		if slices.ContainsFunc(s.from.inner, func(d *directive) bool { return strings.HasPrefix(d.name, "oidcsession") }) {
			r.plan.Note(draft.Differs, s.from.Origin, "lifetimes are those of the first virtual host for all sites: `max_idle` in a policy of a site shortens them")
		}
		return
	}
	l := draft.Lifetimes{Comment: "How long users stay signed in: unused, and at all.", Recheck: refresh}
	l.Browser = draft.Limits{Idle: idle, Most: most}
	l.Persistent = l.Browser
	r.plan.Session = append(r.plan.Session, l.Line())
	if !strings.HasSuffix(kind, ":persistent") {
		prompt := draft.Words("stay_signed_in off")
		prompt.Comment = "Sessions end with the browser, and users are not asked."
		r.plan.Prompt = append(r.plan.Prompt, prompt)
		r.plan.Note(draft.Differs, at(e, "OIDCSessionType"), "a session ends with the browser, as before. Without `stay_signed_in off` users are asked \"Stay signed in?\"")
	} else {
		r.plan.Note(draft.Differs, e.Origin("oidcsessiontype"), "users are asked \"Stay signed in?\": a Yes outlives the browser, a No does not")
	}
}

var digits = regexp.MustCompile(`^[0-9]{1,9}$`)

func seconds(e *draft.Entries, key string, usual time.Duration) time.Duration {
	if list := e.List(key); len(list) > 0 { // a second word has an option
		if !digits.MatchString(list[0]) {
			e.Fault(key, "want a number of seconds")
			return usual
		}
		d, _ := time.ParseDuration(list[0] + "s")
		return d
	}
	return usual
}

// redis reads where sessions are kept.
func (r *reader) redis(s *server) {
	e := s.entries
	kind, host := e.Text("oidccachetype"), e.Text("oidcrediscacheserver")
	user, index := e.Text("oidcrediscacheusername"), e.Text("oidcrediscachedatabase")
	password := e.Has("oidcrediscachepassword")
	e.Take("oidcrediscachepassword")
	if r.stored {
		return
	}
	r.stored = true
	if kind != "redis" || host == "" {
		r.plan.Note(draft.Differs, at(e, "OIDCCacheType"), "sessions are in a file under Caddy's data directory. Several gateways need `store redis redis://host:6379/0`")
		return
	}
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "6379")
	}
	if index == "" {
		index = "0"
	}
	if !digits.MatchString(index) {
		e.Fault("oidcrediscachedatabase", "want a number")
	}
	l := e.Origin("oidcrediscacheserver").Words("store redis", "redis://"+host+"/"+index)
	if user != "" {
		l.Block = append(l.Block, e.Origin("oidcrediscacheusername").Words("username", user))
	}
	if password {
		l.Block = append(l.Block, draft.Words("password "+r.plan.Secret(e.Origin("oidcrediscachepassword"), "REDIS_PASSWORD")))
	}
	r.plan.Store = append(r.plan.Store, l)
}
