package config

import (
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Site puts a site behind Latchkey. It stands once in a site, before everything that is to be protected, and does
// three things in this order:
//
// It scrubs every request: identity headers, connection options and Latchkey's own cookies never come from a client or
// go to an upstream, and paths that two parsers read differently are answered with 400.
//
// It serves the sign-in endpoints under `/.latchkey/`, whatever `match` says.
//
// It guards the requests that `match` selects: who is not signed in is sent to sign in (or gets a 401, if the request
// is no navigation), who may not enter gets a 403, and for everybody else the identity headers and placeholders are set.
// Requests that `match` does not select pass, scrubbed and without identity.
type Site struct {
	// The requests that need a sign-in. Default: all.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// The name of the site in policies and logs. Required; the Caddyfile's default is the first host name of the site.
	App string `json:"app,omitempty"`

	// The host names under which browsers know the site, each with its port if it is not the scheme's own; `*` stands for
	// one label. Needed where there is a `sign_in_host`: people are sent back to these hosts and to no others. The Caddyfile
	// fills them in.
	Hosts []string `json:"hosts,omitempty"`

	// The providers at which people may sign in here, by name. With more than one the person chooses.
	// Default: the first provider there is.
	Providers []string `json:"providers,omitempty"`

	// Who may enter at all. Default: anybody who is signed in.
	Allow *Who `json:"allow,omitempty"`

	// Who may not enter, whatever `allow` says.
	Deny *Who `json:"deny,omitempty"`

	// Policies for this site, beside those for all sites.
	Policies []*Policy `json:"policies,omitempty"`

	// Do not ask "Stay signed in?" when somebody signs in at this site.
	StaySignedInOff bool `json:"stay_signed_in_off,omitempty"`

	// How large a form may be, in bytes, that is sent by somebody whose session is over: it is kept, sealed, through the
	// sign-in, and they can then send it with a button. At most 64000. Default: 0, which keeps none.
	PreservePost int64 `json:"preserve_post,omitempty"`

	// Sign people out who do not use this site for a while, sooner than all sites do.
	IdleSignOut *IdleSignOut `json:"idle_sign_out,omitempty"`

	// Origins, such as `https://tools.example.com` or `capacitor://localhost`, whose pages may open WebSockets here with a
	// session, and send requests that change something (POST, PUT and every other method but GET, HEAD, OPTIONS and TRACE),
	// beside the site's own. Each of these pages can act as the user who looks at it. Default: none; the browser's requests of
	// this kind from pages of other origins are answered with 403.
	Origins []string `json:"origins,omitempty"`

	// Origins whose scripts may ask the application by CORS. A preflight (OPTIONS with Access-Control-Request-Method) from
	// them reaches the application without a sign-in, without cookies and without a body, unless a policy refuses everybody,
	// for instance by network; 401, 403 and 503 of the gateway can be read by their scripts; and they may send what
	// `origins` lets pages send, but for WebSockets. The application itself answers the preflight and says for its own answers
	// who may read them. The session's cookie comes along from origins of the same site alone. Default: none.
	Cors []string `json:"cors,omitempty"`

	// Protocols to which a connection may be switched besides `websocket`, such as `spdy/3.1`, in lower case. After the
	// switch the client speaks with the application past every rule, so the application must take no further requests in
	// this protocol; HTTP and TLS are refused. Default: none; the wish for any other protocol is taken out of a request.
	Upgrade []string `json:"upgrade,omitempty"`

	// `keep`: the application keeps dots and blanks at the end of names in a path, as wikis do. Not for applications on
	// Windows, which leave them out and so read another path than the rules. Default: such paths are answered with 400.
	TrailingDots string `json:"trailing_dots,omitempty"`

	// `keep`: the application takes a semicolon in a path as part of a name, as rules do. Not for servlet containers and
	// others that cut off what follows it. Default: a path with a semicolon is answered with 400 if a rule decides otherwise
	// for it than for the path without what follows the semicolon.
	PathParameters string `json:"path_parameters,omitempty"`

	// The cookies of the application that are deleted with a session, and when another user signs in. Needed where the
	// application keeps a session of its own: without it the next user of a browser goes on in the first one's. Default: none.
	ClearCookies *ClearCookies `json:"clear_cookies,omitempty"`

	// What the browser is told to empty at sign-out (Clear-Site-Data): `cache`, so that Back does not show pages of the user
	// who has left, and `storage`, which is also emptied when another user signs in and takes local storage, databases and
	// service workers of the site. `off` alone: nothing. Default: `cache`.
	ClearSiteData []string `json:"clear_site_data,omitempty"`

	// What counts as use of a session for its idle limit: `navigation` (top-level navigations and unsafe methods),
	// `any` (every request, so that a page that polls keeps its session alive) or `none`. Default: `navigation`.
	Activity string `json:"activity,omitempty"`

	// The headers that tell the application who is there: `remote` (Remote-User, -Email, -Name), `forwarded`
	// (X-Forwarded-User, -Email, -Preferred-Username) or `none`. An absent claim is an absent header; what a
	// client sends in them never arrives. Default: `remote`.
	Headers string `json:"headers,omitempty"`

	// Send the groups as well, in Remote-Groups or X-Forwarded-Groups, separated by commas. They are the longest of the
	// headers and cost the most at every request, so a site has to ask for them.
	HeaderGroups bool `json:"header_groups,omitempty"`

	// Send only the groups that match one of these patterns, in which `*` stands for any characters. Upper and lower case
	// differ. It shortens the header: most servers refuse one of more than 8 KB, which is some 220 groups of Microsoft Entra
	// ID. Policies have all groups in any case. Default: all groups.
	HeaderGroupsOnly []string `json:"header_groups_only,omitempty"`

	// How texts stand in these headers and in those of `header`: `utf8`, `percent`, `base64` or `latin1`; docs/headers.md has
	// the details. What `utf8` and `latin1` cannot write so that the application reads the same text is left out, and the log
	// says so. Default: what the app says, else `utf8`.
	HeaderEncoding string `json:"header_encoding,omitempty"`

	// More headers, each with the claim that it carries.
	Header []HeaderClaim `json:"header,omitempty"`

	// A signed statement about the person, for applications that verify it. Default: none.
	Assertion *Assertion `json:"assertion,omitempty"`

	// Where `latchkey` was written, as file:line, for messages. The Caddyfile adapter fills it in.
	Position string `json:"position,omitempty" placeholders:"none"`
}

// Who names people. A person is meant if any of the lists has them. Names and mail addresses are compared without case;
// groups, and subjects in place of a name, exactly.
type Who struct {
	// Members of these groups.
	Groups []string `json:"groups,omitempty"`

	// These people, by any of their names.
	Users []string `json:"users,omitempty"`

	// Everybody who signed in at these providers.
	Providers []string `json:"providers,omitempty"`

	// Everybody with a mail address in one of these domains; a subdomain is another domain. In `allow` only an address that
	// the provider has verified counts, in `deny` also one that it has not.
	Domains []string `json:"domains,omitempty"`

	// People who signed in at one provider. Where there are several providers, two people at two of them may have the same
	// name or group.
	From []PeopleFrom `json:"from,omitempty"`
}

// HeaderClaim is a header that carries a claim to the application.
type HeaderClaim struct {
	// The name of the header. Whatever a client sends in it is removed, in every spelling.
	Name string `json:"name"`

	// The claim. A dot leads into an object. What a token says about itself (`exp`, `iat`, `nbf`, `jti`, `nonce` and
	// hashes) is refused, for a session need not keep it. Of claims over 12 KB a session keeps those that headers name; one
	// that is that large itself has no header.
	Claim string `json:"claim"`

	// Of a claim that is a list, send only the elements that match one of these patterns, in which `*` stands for any
	// characters. Upper and lower case differ. A text counts as a list of one. Default: all of it.
	Only []string `json:"only,omitempty"`
}

// ClearCookies names cookies of an application.
type ClearCookies struct {
	// The names of the cookies, at most 16.
	Names []string `json:"names,omitempty"`

	// Every cookie that the browser sends to the site, except Latchkey's own. Those that are set for a parent domain are
	// deleted as well, for all hosts that share them.
	All bool `json:"all,omitempty"`

	// The paths for which the application sets them (the attribute Path), besides `/`. At most 4.
	Paths []string `json:"paths,omitempty"`
}
