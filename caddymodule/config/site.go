package config

import (
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Site protects a site with Latchkey. It must be the only such handler in its site and come before everything that it
// protects. It does three things, in this order:
//
// It scrubs every request: it removes identity headers, connection options and Latchkey's own cookies, so that a client
// cannot send them to the application. It answers paths that two parsers can read differently with 400.
//
// It serves the sign-in endpoints under `/.latchkey/`, regardless of `match`.
//
// It guards the requests that `match` selects. A user who is not signed in is sent to sign in; a request that is not a
// navigation gets a 401 instead. A user who may not enter gets a 403. For all other users it sets the identity headers
// and placeholders. Requests that `match` does not select pass, scrubbed and without identity.
type Site struct {
	// The requests that need a sign-in. Default: all.
	MatchRaw caddyhttp.RawMatcherSets `json:"match,omitempty" caddy:"namespace=http.matchers"`

	// The app name of the site in policies and logs. Required; in a Caddyfile the default is the first host name of the
	// site.
	App string `json:"app,omitempty"`

	// The host names by which browsers reach the site, each with its port unless it is the default port of the scheme.
	// `*` stands for one label. Required if there is a `sign_in_host`: after sign-in, users are sent back only to these
	// hosts. The Caddyfile adapter fills them in.
	Hosts []string `json:"hosts,omitempty"`

	// The names of the providers at which users of this site may sign in. With more than one the user chooses. Default:
	// the first provider.
	Providers []string `json:"providers,omitempty"`

	// The users who may enter. Default: every user who is signed in.
	Allow *Who `json:"allow,omitempty"`

	// The users who may not enter. Overrides `allow`.
	Deny *Who `json:"deny,omitempty"`

	// Policies for this site, in addition to those for all sites.
	Policies []*Policy `json:"policies,omitempty"`

	// Do not ask "Stay signed in?" when a user signs in at this site.
	StaySignedInOff bool `json:"stay_signed_in_off,omitempty"`

	// The size in bytes of the largest form that is kept when its sender's session is over. The form is sealed and kept
	// during the sign-in; the user can then send it with a button. At most 64000. Default: 0, no form is kept.
	PreservePost int64 `json:"preserve_post,omitempty"`

	// Signs users out who do not use this site for a while. Its times must be shorter than those for all sites.
	IdleSignOut *IdleSignOut `json:"idle_sign_out,omitempty"`

	// Other origins, such as `https://tools.example.com` or `capacitor://localhost`, whose pages may use this site with
	// the user's session: they may open WebSockets and send requests with methods other than GET, HEAD, OPTIONS and
	// TRACE. Each of these pages can act as the user who opens it. Default: none; such requests from pages of other
	// origins get a 403.
	Origins []string `json:"origins,omitempty"`

	// Origins whose scripts may send CORS requests to the application. A preflight (OPTIONS with
	// Access-Control-Request-Method) from them reaches the application without a sign-in, without cookies and without a
	// body, unless a policy refuses all users, for example by network. Their scripts can read the gateway's own 401,
	// 403 and 503 answers, and they may send the same requests as pages in `origins`, except WebSockets. The
	// application itself answers the preflight and decides which origins may read its answers. Browsers send the
	// session's cookie only from origins of the same site. Default: none.
	Cors []string `json:"cors,omitempty"`

	// Protocols, besides `websocket`, to which a client may switch a connection, such as `spdy/3.1`, in lower case.
	// After the switch no rule checks what the client sends, so the application must accept no further requests over
	// this protocol. HTTP and TLS are refused. Default: none; a request to switch to another protocol is forwarded
	// without that part.
	Upgrade []string `json:"upgrade,omitempty"`

	// `keep`: the application keeps dots and spaces at the end of names in a path, as wikis do. Do not use it for
	// applications on Windows, which drop them and so read a different path than the rules. Default: such paths get a
	// 400.
	TrailingDots string `json:"trailing_dots,omitempty"`

	// `keep`: the application treats a semicolon in a path as part of a name, as rules do. Do not use it for servlet
	// containers and others that cut off what follows the semicolon. Default: a path with a semicolon gets a 400 if a
	// rule decides differently for the path without the part after the semicolon.
	PathParameters string `json:"path_parameters,omitempty"`

	// The application's cookies that are deleted when a session ends and when another user signs in. Needed if the
	// application has its own session: otherwise the next user of the browser continues the session of the previous
	// one. Default: none.
	ClearCookies *ClearCookies `json:"clear_cookies,omitempty"`

	// The data that the browser deletes at sign-out (Clear-Site-Data). `cache`: so that the Back button does not show
	// pages of the previous user. `storage`: local storage, databases and service workers of the site; it is also
	// deleted when another user signs in. `off` alone: nothing. Default: `cache`.
	ClearSiteData []string `json:"clear_site_data,omitempty"`

	// The requests that count as use of a session for its idle limit: `navigation` (top-level navigations and unsafe
	// methods), `any` (every request, so a page that polls keeps its session alive) or `none`. Default: `navigation`.
	Activity string `json:"activity,omitempty"`

	// The headers that tell the application who the user is: `remote` (Remote-User, -Email, -Name), `forwarded`
	// (X-Forwarded-User, -Email, -Preferred-Username) or `none`. A claim that the user does not have is sent as no
	// header. These headers are always removed from the client's request. Default: `remote`.
	Headers string `json:"headers,omitempty"`

	// Also send the groups, in Remote-Groups or X-Forwarded-Groups, separated by commas. It is off by default because
	// this header is the longest one and adds the most to every request.
	HeaderGroups bool `json:"header_groups,omitempty"`

	// Send only the groups that match one of these patterns. `*` matches any characters; case matters. Most servers
	// refuse a header of more than 8 KB, which is about 220 groups of Microsoft Entra ID. Policies always see all
	// groups. Default: all groups.
	HeaderGroupsOnly []string `json:"header_groups_only,omitempty"`

	// Other names for these headers, for an application that reads a header of a name of its own. The header of the preset
	// is then not sent, and the new name is removed from the client's request, in every spelling. Default: the names of
	// the preset.
	HeaderNames *HeaderNames `json:"header_names,omitempty"`

	// How text is encoded in these headers and in those of `header`: `utf8`, `percent`, `base64` or `latin1`; see
	// docs/headers.md. A value that `utf8` or `latin1` cannot represent unchanged is not sent, and the log says so.
	// Default: the encoding of the app, else `utf8`.
	HeaderEncoding string `json:"header_encoding,omitempty"`

	// Further headers, each with one claim.
	Header []HeaderClaim `json:"header,omitempty"`

	// The access tokens with which programs may use this site instead of a session. Default: none.
	Bearer *Bearer `json:"bearer,omitempty"`

	// Gives the application the user's access token. Default: it does not get one.
	ForwardAccessToken *ForwardAccessToken `json:"forward_access_token,omitempty"`

	// Users may make tokens for programs at this site, at `/.latchkey/me`, and administrators may make tokens for services:
	// for git, WebDAV, CalDAV, scripts and CI. A program sends its token as `Authorization: Bearer`, or as the password of
	// Basic with any user name. It may do what the user may do now, under the same policies (`when client other`). Default:
	// the site accepts no such token.
	Tokens bool `json:"tokens,omitempty"`

	// A signed statement about the user, for applications that verify it. Default: none.
	Assertion *Assertion `json:"assertion,omitempty"`

	// Where the configuration has the handler, as file:line, for messages. The Caddyfile adapter fills it in.
	Position string `json:"position,omitempty" placeholders:"none"`
}

// Who selects users. A user matches if any of the lists contains them. Names and mail addresses are compared without
// regard to case. Groups, and subjects used as names, must match exactly.
type Who struct {
	// Members of these groups.
	Groups []string `json:"groups,omitempty"`

	// Users with one of these names.
	Users []string `json:"users,omitempty"`

	// Users who signed in at one of these providers.
	Providers []string `json:"providers,omitempty"`

	// Users with a mail address in one of these domains. A subdomain is a different domain. In `allow` only addresses
	// that the provider has verified count; in `deny` unverified ones count too.
	Domains []string `json:"domains,omitempty"`

	// Users who signed in at one provider. Use it if there are several providers: different users or groups at two
	// providers can have the same name.
	From []PeopleFrom `json:"from,omitempty"`
}

// HeaderClaim is a header that carries a claim to the application.
type HeaderClaim struct {
	// The name of the header. It is removed from the client's request, in every spelling.
	Name string `json:"name"`

	// The claim. A dot selects a field of an object. Claims about the token itself (`exp`, `iat`, `nbf`, `jti`, `nonce`
	// and hashes) are refused, because a session does not have to keep them. If the claims of the ID token, or those of
	// userinfo, exceed 12 KB, the session keeps only those that the configuration names; a claim that does not fit gets
	// no header.
	Claim string `json:"claim"`

	// For a claim that is a list: send only the elements that match one of these patterns. `*` matches any characters;
	// case matters. A string counts as a list of one element. Default: all elements.
	Only []string `json:"only,omitempty"`
}

// ClearCookies selects cookies of an application.
type ClearCookies struct {
	// The names of the cookies, at most 16.
	Names []string `json:"names,omitempty"`

	// Delete every cookie that the browser sends to the site, except Latchkey's own. This includes cookies of a parent
	// domain, which other hosts may share.
	All bool `json:"all,omitempty"`

	// The paths of the cookies (attribute Path), in addition to `/`. At most 4.
	Paths []string `json:"paths,omitempty"`
}
