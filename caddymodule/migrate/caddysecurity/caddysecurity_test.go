package caddysecurity

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

// become returns what a file becomes, on one line without its notes, and the notes.
func become(t *testing.T, source string, o draft.Options) (text, notes string) {
	t.Helper()
	p, err := Read([]byte(source), o)
	if err != nil {
		t.Fatal(err)
	}
	if text, err = p.Text(); err != nil {
		t.Fatal(err)
	}
	p.Sort()
	text, _, _ = strings.Cut(text, "# From the migration")
	var code []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(strings.TrimSpace(line), "#") {
			code = append(code, line)
		}
	}
	return strings.Join(strings.Fields(strings.Join(code, "")), " "), p.List()
}

// provider is an identity provider of a sample.
const provider = `oauth identity provider id {
	realm id
	driver generic
	client_id a
	client_secret s3cret-of-id
	base_auth_url https://id.example.com
	metadata_url https://id.example.com/.well-known/openid-configuration
}
oauth identity provider other {
	realm other
	driver google
	client_id b
	client_secret s3cret-of-other
}
`

// file is a sample with the rules of a portal and of a policy.
func file(portal, policy, site string) string {
	return "{\nsecurity {\n" + provider + "authentication portal p {\ncrypto default token lifetime 3600\nenable identity provider id other\n" + portal +
		"\n}\nauthorization policy q {\ncrypto key verify s3cret-to-verify\n" + policy + "\n}\n}\n}\n&(r) {\n@y vars {http.auth.user.id} ada\nauthorize @y with q\n}\nauth.example.com {\nauthenticate with p\n}\na.example.com {\n" + site + "\nrespond ok\n}\n"
}

type row struct{ portal, policy, site, want, never, note string }

func check(t *testing.T, rows map[string]row) {
	t.Helper()
	for name, r := range rows {
		t.Run(name, func(t *testing.T) {
			text, notes := become(t, file(r.portal, r.policy, cmp.Or(r.site, "authorize with q")), draft.Options{})
			_, text, ok := strings.Cut(text, " a.example.com {")
			if !ok || !strings.Contains(text, r.want) || r.never != "" && strings.Contains(text, r.never) || !strings.Contains(notes, r.note) {
				t.Errorf("%s\n%s", text, notes)
			}
			if strings.Contains(text+notes, "s3cret") {
				t.Error("a secret is printed")
			}
		})
	}
}

// Who may enter before may enter, where there is a word for it; no other user may.
func TestRules(t *testing.T) {
	rows := map[string]row{
		"one role":               {policy: "allow roles a", want: "allow group a headers none"},
		"several roles":          {policy: "allow roles a b\nallow role c", want: "allow group a b c headers"},
		"every user":             {policy: "allow roles any", want: "latchkey { provider id other headers none }"},
		"a user":                 {policy: "allow email ada@example.com", want: "allow user ada@example.com"},
		"a subject":              {policy: "allow sub 123", want: "allow user 123"},
		"a realm":                {policy: "allow realm other", want: "allow provider other"},
		"a realm that is not":    {policy: "allow realm gone", want: "q-1 { block }", never: "allow", note: "no provider takes the place"},
		"no role":                {policy: "allow roles guest anonymous", want: "policy q-1 { block }", never: "allow"},
		"denied":                 {policy: "allow roles any\ndeny roles b", want: "deny group b"},
		"nothing allowed":        {policy: "deny roles b", want: "policy q-1 { block }", never: "allow"},
		"by default":             {policy: "acl default allow\ndeny roles b", want: "deny group b headers", never: "allow"},
		"denied by default":      {policy: "acl rule {\nmatch roles a\nallow stop log info\n}\nacl rule {\nmatch roles b\nallow log info\n}\nacl default deny", want: "allow group a headers", never: "group b"},
		"together":               {policy: "acl rule {\nmatch roles a\nmatch realm id\nallow log\n}", want: "allow group a policy q-1 { exclude provider id block }"},
		"together, and others":   {policy: "acl rule {\nmatch roles a\nmatch sub 1\nallow log\n}\nallow roles c", want: "allow group a c policy q-1 { exclude group c exclude user 1 block }"},
		"one of them":            {policy: "acl rule {\nmatch roles a\nmatch sub 1\nallow any log\n}", want: "allow group a allow user 1"},
		"not":                    {policy: "acl rule {\nno match roles a\nallow log\n}", want: "policy q-1 { include group a block }"},
		"not, denied":            {policy: "allow roles any\nacl rule {\nno match roles a\ndeny stop\n}", want: "policy q-1 { exclude group a block }"},
		"spared":                 {policy: "acl rule {\nmatch roles owner\nallow stop\n}\nallow roles a\ndeny roles lent", want: "allow group owner a policy q-1 { include group lent exclude group owner block }"},
		"a tag":                  {policy: "acl rule {\nmatch roles owner\nallow log info tag stop\n}\ndeny roles lent", want: "allow group owner deny group lent", never: "exclude"},
		"a domain":               {policy: "acl rule {\nsuffix match email @Example.com\nallow log\n}", want: "allow domain example.com"},
		"a domain by expression": {policy: "acl rule {\nregex match email ^.*@example\\.com$\nallow log\n}", want: "allow domain example.com"},
		"a domain of no address": {policy: "acl rule {\nregex match email ^@example\\.com$\nallow log\n}", want: "policy q-1 { block }", never: "allow"},
		"an open expression":     {policy: "acl rule {\nregex match email @example.com$\nallow log\n}", want: "policy q-1 { block }", never: "allow", note: "has no equivalent"},
		"a method":               {policy: "allow roles a with get", want: "@q-1 { not { method GET } } latchkey { provider id other allow group a policy q-1 @q-1 { block }"},
		"a path":                 {policy: "allow roles a\nallow roles b to /x", want: `@q-1 { not { path_regexp "/x" } } latchkey { provider id other allow group a b policy q-1 @q-1 { exclude group a block }`},
		"denied at a path":       {policy: "allow roles any\ndeny roles b with post to /x", want: `@q-1 { method POST not { not { path_regexp "/x" } } } latchkey { provider id other policy q-1 @q-1 { include group b block }`},
		"a path that is unseen":  {policy: "acl rule {\nmatch path /x\nmatch roles a\nallow log\n}\nallow roles b", want: "allow group b headers", never: "group a", note: "the rule never holds"},
	}
	for _, word := range []string{"partial match roles a", "prefix match roles a", "suffix match roles a", "regex match roles ^a", "match org a", "match scopes a", "match name Ada", "match addr 10.0.0.1", "match aud x", "match any roles a", "no match email a@example.com", "field email exists"} {
		rows["permits by "+word] = row{policy: "acl rule {\n" + word + "\nallow log\n}", want: "policy q-1 { block }", never: "allow", note: "what it permits is not permitted"}
		rows["restricts by "+word] = row{policy: "allow roles any\nacl rule {\n" + word + "\ndeny stop\n}", want: "policy q-1 { block }", note: "it refuses more users here, or all"}
		rows["restricts a path by "+word] = row{policy: "allow roles any\ndeny roles never with get to /y\nacl rule {\n" + word + "\nmatch path /x\ndeny stop\n}", want: `{ block }`, note: "it refuses more users here, or all"}
	}
	check(t, rows)
}

// Roles that a portal gives are the users to whom it gives them.
func TestTransforms(t *testing.T) {
	user := func(lines string) string { return "transform user {\n" + lines + "\n}\n" }
	check(t, map[string]row{
		"a realm":               {portal: user("match realm id\naction add role a"), policy: "allow roles a", want: "allow group a allow provider id"},
		"an address":            {portal: user("match email ada@example.com\nadd role a"), policy: "allow roles a", want: "allow group a allow user ada@example.com"},
		"an address of a realm": {portal: user("match realm id\nmatch email ada@example.com\naction add role a"), policy: "allow roles a", want: "allow group a allow user ada@example.com from id"},
		"a role of a role":      {portal: user("match role x\naction add role a"), policy: "allow roles a", want: "allow group a x"},
		"a role of two roles":   {portal: user("match email ada@example.com\naction add role x") + user("match role x\naction add role a"), policy: "allow roles a", want: "allow group a x allow user ada@example.com"},
		"later ones":            {portal: user("match role x\naction add role a") + user("match email ada@example.com\naction add role x"), policy: "allow roles a", want: "allow group a x headers", never: "ada"},
		"every user":            {portal: user("match any\naction add role a"), policy: "allow roles a", want: "provider id other headers none", never: "allow"},
		"an expression":         {portal: user("regex match email ^svc\naction add role a"), policy: "allow roles a", want: "allow group a headers", note: "the role that they give is given to no user"},
		"denied":                {portal: user("match email ada@example.com\naction add role a"), policy: "allow roles any\ndeny roles a", want: "deny group a deny user ada@example.com"},
		"denied, not known":     {portal: user("regex match email ^svc\naction add role a"), policy: "allow roles any\ndeny roles a", want: "policy q-1 { block }"},
		"depends on the user":   {portal: user("match realm id\naction add role {claims.org}"), policy: "allow roles any\ndeny roles a", want: "policy q-1 { block }", note: "a role that depends on the user"},
		"taken away":            {portal: user("match realm id\naction overwrite roles a"), policy: "allow roles a b", want: "allow provider id", never: "group", note: "roles cannot be taken from a user"},
		"blocked":               {portal: user("match email eve@example.com\naction block"), policy: "allow roles a", want: "policy portal-block-p-a { include user eve@example.com block }"},
		"blocked, not known":    {portal: user("regex match email ^x\naction deny"), policy: "allow roles a", want: "policy portal-block-p-a { block }"},
		"a second factor":       {portal: user("match realm id\nrequire mfa"), policy: "allow roles a", want: "policy portal-mfa-p-a { include provider id require mfa }"},
		"a factor, not known":   {portal: user("prefix match email x\nrequire mfa"), policy: "allow roles a", want: "policy portal-mfa-p-a { require mfa }"},
		"another demand":        {portal: user("match realm id\nrequire terms"), policy: "allow roles a", want: "{ include provider id block }", note: "this demand has no equivalent"},
		"an unknown word":       {portal: user("match realm id\nsurprise us"), policy: "allow roles a", want: "{ include provider id block }", note: "transform user: surprise"},
	})
}

// A policy closes the requests that it closed, and what is not known here closes more of them.
func TestSites(t *testing.T) {
	const q = "allow roles a"
	rows := map[string]row{
		"the whole site":      {site: "authorize with q", want: "latchkey { provider id other allow group a headers none } respond ok"},
		"a path":              {site: "authorize /x* with q", want: "@q-1 { path /x* } @guarded { path /x* } latchkey @guarded { provider id other policy q-1 @q-1 { exclude group a block } headers none }"},
		"a matcher":           {site: "@x host a.example.com\nauthorize @x with q", want: "@guarded { host a.example.com }"},
		"an unknown matcher":  {site: "authorize @y with q", want: "latchkey { provider id other allow group a"},
		"after the sign-in":   {site: "@x vars {http.auth.user.id} ada\nauthorize @x with q", want: "latchkey { provider id other allow group a"},
		"an expression":       {site: "@x `path('/x*')`\nauthorize @x with q", want: "@guarded { expression path('/x*') }"},
		"a route":             {site: "route /x* {\nauthorize with q\nrespond x\n}", want: "@guarded { path /x* } latchkey @guarded { provider id other policy q-1 @q-1 { exclude group a block } headers none } route /x* { respond x }"},
		"a route in a handle": {site: "handle /x* {\nroute {\nauthorize /x/y* with q\n}\n}", want: "@guarded { path /x* not { not { path /x/y* } } }"},
		"after a rewrite":     {site: "handle /x* {\nuri strip_prefix /x\nroute /y* {\nauthorize with q\n}\n}", want: "@guarded { path /x* }"},
		"in handle_path":      {site: "handle_path /x* {\nroute /y* {\nauthorize with q\n}\n}", want: "@guarded { path /x* }"},
		"a rewrite in front":  {site: "rewrite /a /b\nhandle /x* {\nauthorize with q\n}", want: "@guarded { path /x* }"},
		"headers changed":     {site: "request_header X 1\n@x header X 1\nhandle @x {\nauthorize with q\n}", want: "latchkey { provider id other allow group a"},
		"the rest":            {site: "handle /x* {\nrespond x\n}\nhandle {\nauthorize with q\n}", want: "@guarded { not { path /x* } } latchkey @guarded"},
		"a longer path":       {site: "handle /x/y* {\nrespond x\n}\nhandle /x* {\nauthorize with q\n}", want: "@guarded { path /x* not { path /x/y* } } latchkey @guarded"},
		"a shorter path":      {site: "handle /x* {\nrespond x\n}\nhandle /x/y* {\nauthorize with q\n}", want: "@guarded { path /x/y* } latchkey @guarded"},
		// Caddy compares neighbours: a block with another matcher between them keeps the shorter path in front.
		"a longer path behind": {site: "handle /x* {\nauthorize with q\n}\nhandle @y {\nrespond y\n}\nhandle /x/y* {\nrespond x\n}", want: "@guarded { path /x* } latchkey @guarded"},
		// Caddy evaluates the matchers of one set in any order, so what one leaves for another is not there.
		"what is captured":      {site: "@y expression {re.re.1}==\"x\"\n@x path_regexp re ^/(a|b)\nhandle @x {\nhandle @y {\nauthorize with q\n}\n}", want: "@guarded { path_regexp re ^/(a|b) } latchkey @guarded"},
		"a path from a file":    {site: "handle /x* {\nhandle /{http.matchers.file.relative} {\nauthorize with q\n}\n}", want: "@guarded { path /x* } latchkey @guarded"},
		"another of this name":  {site: "@y path /x*\ninvoke r", want: "latchkey { provider id other allow group a"},
		"a path unknown yet":    {site: "handle /x* {\nrespond x\n}\nhandle {$PLACE} {\nauthorize with q\n}", want: "latchkey { provider id other allow group a"},
		"a part unknown yet":    {site: "handle /{$PLACE}* {\nrespond x\n}\nhandle /x* {\nauthorize with q\n}", want: "@guarded { path /x* } latchkey @guarded"},
		"an unknown one first":  {site: "handle @y {\nrespond x\n}\nhandle {\nauthorize with q\n}", want: "latchkey { provider id other allow group a"},
		"in order":              {site: "route {\nhandle {\nauthorize with q\n}\nhandle /x* {\nrespond x\n}\n}", want: "latchkey { provider id other allow group a"},
		"two policies":          {site: "authorize /x* with q\nauthorize /y* with q", want: "@guarded { not { not { path /x* } not { path /y* } } } latchkey @guarded { provider id other policy q-1 @q-1 { exclude group a block } policy q-101 @q-101 { exclude group a block }"},
		"in front of it":        {site: "route {\nrespond /health ok\nauthorize with q\n}", want: "latchkey { provider id other allow group a", note: "what stands in front of it in the same block needs a sign-in as well"},
		"no such policy":        {site: "authorize with other", want: "policy closed-until-completed { block }", note: "no such policy"},
		"no name":               {site: "authorize q", want: "policy closed-until-completed { block }", note: "does not say `with`"},
		"in another directive":  {site: "handle_errors {\nauthorize with q\n}\nauthorize with q", want: "policy closed-until-completed { block }"},
		"an unknown directive":  {site: "authorize with q\nsurprise", want: "policy closed-until-completed { block }", never: "surprise", note: "unknown  surprise"},
		"open otherwise":        {site: "@guarded path /x\nauthorize @guarded with q", want: "@guarded-of-latchkey { path /x } latchkey @guarded-of-latchkey"},
		"bypass":                {policy: "bypass uri prefix /x\nbypass uri exact /y\nbypass uri suffix .css\nbypass uri partial /z/\nbypass uri regex ^/[0-9]+$", want: `@guarded { not { path_regexp "^/x" } not { path_regexp "^/y$" } not { path_regexp "\.css$" } not { path_regexp "/z/" } not { path_regexp "^/[0-9]+$" } } latchkey @guarded`},
		"bypass, with a stroke": {policy: `bypass uri exact /x\-y`, want: `@guarded { not { path_regexp "^/x\\-y$" } } latchkey @guarded`},
		"bypass, not known":     {policy: "bypass uri prefix /{x}\nbypass uri near /y", want: "latchkey { provider id other allow group a", note: "what it left open needs a sign-in"},
		"an unknown word":       {policy: "surprise", want: "policy q-1 { block } allow group a", note: "unknown  authorization policy q: surprise"},
		"paths of a token":      {policy: "validate path acl", want: "policy q-1 { block } allow group a", note: "paths in a token"},
		"headers":               {policy: "inject headers with claims", want: "headers remote { name as X-Token-User-Name email as X-Token-User-Email groups as X-Token-User-Roles } header X-Token-Subject sub"},
		"a header":              {policy: "inject header X-Name from userinfo|preferred_username\ninject header X-Mail from email\ninject header X-Id from jti", want: "headers none header X-Name preferred_username header X-Mail email", never: "X-Id", note: "this field of the token is no claim"},
		"programs":              {policy: "with api key auth portal p realm local", want: "tokens on"},
	}
	for name, r := range rows {
		r.policy = strings.TrimSpace(q + "\n" + r.policy)
		rows[name] = r
	}
	check(t, rows)
}

// Secrets are in neither the Caddyfile nor the notes.
func TestSecretsOfSites(t *testing.T) {
	for _, line := range []string{
		"basic_auth /x {\nada s3cret-hash\n}", "reverse_proxy a:1 {\nheader_up Authorization \"Basic s3cret\"\n}", "request_header X-Api-Key s3cret", "vars api_token s3cret",
		"request_header {\nAuthorization s3cret\n}", "@x header Authorization s3cret", "respond s3cret-of-id", "redir https://ada:s3cret@example.com/", "log {\noutput net a:1 {\npassword s3cret\n}\n}",
		"request_header X-Api-Key {$KEY:s3cret}", "@x query api_key=s3cret", "rewrite /x /y?z=1&access_token=s3cret", "tls {\neab key-id s3cret\n}", "tls {\nissuer acme {\neab key-id s3cret\n}\n}", "tls {\nissuer zerossl s3cret\n}",
		"tls {\nissuer acme {\ndns some s3cret\n}\n}", "uri query token s3cret", "@x `{http.request.header.Authorization} == 'Bearer s3cret'`", "@x {\nexpression {query.token}==\"s3cret\"\n}", "respond \"see s3cret-to-verify\"",
	} {
		text, notes := become(t, file("", "allow roles a", "authorize with q\n"+line), draft.Options{})
		if strings.Contains(text+notes, "s3cret") {
			t.Errorf("%q: %s\n%s", line, text, notes)
		}
	}
}

// A rule about a subject does not let in a user who has chosen it as a name: GitLab and others let users do so.
func TestSubjects(t *testing.T) {
	for name, row := range map[string]struct {
		portal, policy string
		want           int
	}{
		"a policy":     {"", "allow sub 123", 2},
		"a portal":     {"transform user {\nmatch sub 123\naction add role a\n}", "allow roles a", 2},
		"no subject":   {"", "allow roles a\nallow email ada@example.com", 0},
		"only a store": {"}\nauthentication portal alone {", "allow sub 123", 3},
	} {
		text, notes := become(t, file(row.portal, row.policy, "authorize with q"), draft.Options{})
		if n := strings.Count(text, "user_claim email sub"); n != row.want || strings.Contains(notes, "preferred_username") != (row.want > 0) {
			t.Errorf("%s: %d of %d providers\n%s\n%s", name, n, row.want, text, notes)
		}
	}
}

// A policy is not for the users of a portal of which the file does not say that it signs them in.
func TestPortalElsewhere(t *testing.T) {
	const other = "authentication portal open {\nenable identity provider other\n}\n"
	for name, row := range map[string]struct{ portals, policy, site, want string }{
		"two portals, and none is named":   {other, "", "", "a.example.com { latchkey { policy closed-until-completed { block }"},
		"two portals, one at this site":    {other, "", "route /auth* {\nauthenticate with p\n}\n", "a.example.com { latchkey { provider id other headers none }"},
		"two portals, one at the address":  {other, "set auth url https://auth.example.com/", "", "a.example.com { latchkey { provider id other headers none }"},
		"one portal, at another address":   {"", "set auth url https://auth.example.org/", "", "a.example.com { latchkey { policy closed-until-completed { block }"},
		"one portal, at an address unread": {"", "set auth url https://auth.{$DOMAIN}/", "", "a.example.com { latchkey { provider id other headers none }"},
	} {
		source := file("", "allow roles any\n"+row.policy, row.site+"authorize with q")
		source = strings.Replace(source, "authorization policy q", row.portals+"authorization policy q", 1)
		if text, notes := become(t, source, draft.Options{}); !strings.Contains(text, row.want) {
			t.Errorf("%s: %s\n%s", name, text, notes)
		}
	}
}

func TestImports(t *testing.T) {
	files := map[string]string{
		"policy.caddy": "authorization policy q {\nallow roles a\nimport deeper.caddy\n}", "deeper.caddy": "bypass uri prefix /x", "site.caddy": "b.example.com {\nauthorize with q\n}",
		"loop.caddy": "import loop.caddy", "broken.caddy": "handle {\n",
	}
	read := func(_, pattern string) ([]draft.File, error) {
		text, ok := files[pattern]
		if !ok {
			return nil, errors.New("not there")
		}
		return []draft.File{{Name: pattern, Source: []byte(text)}}, nil
	}
	const head = "{\nsecurity {\n" + provider + "authentication portal p {\nenable identity provider id\n}\nimport policy.caddy\n}\n}\n"
	text, notes := become(t, head+"import site.caddy\n(x) {\nrespond {args[0]} {args[1:]}\n{block}\n}\na.example.com {\nimport x one 200 {\nauthorize with q\n}\n}", draft.Options{Import: read})
	for _, want := range []string{"b.example.com { @guarded { not { path_regexp \"^/x\" } } latchkey @guarded { provider id allow group a", "a.example.com { @guarded", "respond one 200 }"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s\n%s", want, text, notes)
		}
	}
	text, notes = become(t, file("", "allow roles a", "authorize with q\nimport common"), draft.Options{})
	if !strings.Contains(text, "a.example.com { latchkey { policy closed-until-completed { block } provider id other allow group a") {
		t.Errorf("%s\n%s", text, notes)
	}
	text, notes = become(t, file("import common", "allow roles a", "authorize with q"), draft.Options{})
	if !strings.Contains(text, "allow group a policy portal-closed-p { block }") {
		t.Errorf("%s\n%s", text, notes)
	}
	text, notes = become(t, file("", "allow roles a", "authorize with q")+"b.example.com {\nimport auth/*\nrespond ok\n}", draft.Options{Import: func(string, string) ([]draft.File, error) { return nil, nil }})
	if !strings.Contains(text, "b.example.com { latchkey { policy closed-until-completed { block }") || !strings.Contains(notes, "missing  import (line 40)") {
		t.Errorf("a pattern without files: %s\n%s", text, notes)
	}
	text, notes = become(t, head+"a.example.com {\nauthorize with q\nimport common\n}", draft.Options{})
	if !strings.Contains(text, "policy closed-until-completed { block }") || !strings.Contains(notes, "missing  import (line 20)") || !strings.Contains(notes, "missing  import (line 25)") {
		t.Errorf("%s\n%s", text, notes)
	}
	for source, want := range map[string]string{
		"a.example.com {\nimport loop.caddy\n}":            "loop.caddy: line 1: import: a file imports itself",
		"(x) {\nimport x\n}\na.example.com {\nimport x\n}": "line 2: import: a snippet imports itself",
		"a.example.com {\nimport gone.caddy\n}":            "line 2: import: not there",
		"a.example.com {\nimport broken.caddy\n}":          "broken.caddy: line 1: the block does not end",
		"a.example.com {\nimport\n}":                       "line 2: import: an import names nothing",
	} {
		if _, err := Read([]byte(source), draft.Options{Import: read}); err == nil || err.Error() != want {
			t.Errorf("%q: %v", source, err)
		}
	}
}

// A word in which a variable begins and does not end would take what stands behind it out of the file.
func TestUnclosedVariable(t *testing.T) {
	for _, word := range []string{"{$X", "a{$X:", "{$X:\"b\"}", "{$-}"} {
		p, err := Read([]byte(file("", "allow roles a", "authorize with q\nrespond `"+word+"`")), draft.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := p.Text(); err == nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %v\n%s", word, err, text)
		}
	}
}

// What is wrong is said with its line and without a value.
func TestBroken(t *testing.T) {
	var deep, many strings.Builder
	deep.WriteString("a.example.com {\n")
	for range 60 {
		deep.WriteString("route {\n")
	}
	many.WriteString("(s0) {\nrespond s3cret\n}\n")
	for i := range 30 {
		fmt.Fprintf(&many, "(s%d) {\nimport s%d\nimport s%d\n}\n", i+1, i, i)
	}
	var words strings.Builder
	words.WriteString("(s0) {\nrespond {args[0]}\n}\n")
	for i := range 30 {
		fmt.Fprintf(&words, "(s%d) {\nimport s%d {args[0]}{args[0]}\n}\n", i+1, i)
	}
	for name, row := range map[string]struct{ source, want string }{
		"binary":        {"a.example.com {\x00\xff", "no text"},
		"unclosed":      {"a.example.com {\nroute {\nauthorize with q\n}\n", "line 1: the block does not end"},
		"closed twice":  {"a.example.com {\n}\n}\n", "line 3: a block ends that does not begin"},
		"behind":        {"a.example.com { respond s3cret\n}", "line 1: a word stands behind the brace"},
		"after":         {"a.example.com {\nroute {\n} s3cret\n}", "line 3: a word stands behind the brace that ends a block"},
		"no block":      {"a.example.com {\n}\nb.example.com\nrespond s3cret", "line 3: a site has no block"},
		"a brace alone": {"a.example.com {\n{\n}\n}", "line 2: a brace stands in a line of its own"},
		"options last":  {"a.example.com {\n}\n{\n}\n", "the global options stand in front"},
		"deep":          {deep.String(), "nested too deep"},
		"many":          {many.String() + "a.example.com {\nimport s30\n}", "more than 20000 lines"},
		"long":          {words.String() + "a.example.com {\nimport s30 s3cret\n}", "MB with"},
		"heredoc":       {"a.example.com {\nrespond <<EOF\ns3cret\n}", "the words cannot be told apart"},
		"nothing":       {"a.example.com {\nrespond ok\n}", "nothing to migrate"},
		"lifetime":      {file("crypto default token lifetime s3cret", "", "authorize with q"), "want a number of seconds"},
		"an address":    {"a.example.com,@b {\nauthorize with q\n}", "no address of a site"},
		"an issuer":     {"{\nsecurity {\noauth identity provider a {\nrealm a\ndriver generic\nbase_auth_url https://ada:s3cret@id.example.com\n}\n}\n}\na.example.com {\nauthorize with q\n}", "is no issuer"},
		"itself":        {"&(r) {\ninvoke r\n}\na.example.com {\nauthorize with q\ninvoke r\n}", ""},
	} {
		p, err := Read([]byte(row.source), draft.Options{})
		if row.want == "" {
			if err != nil || !strings.Contains(p.List(), "unknown  invoke") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
