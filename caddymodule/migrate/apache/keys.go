package apache

import (
	"slices"
	"strings"

	"github.com/latchkey-gateway/latchkey/caddymodule/migrate/draft"
)

var differs, missing, todo = draft.Differs.Says, draft.Missing.Says, draft.Todo.Says

const (
	noBearer   = "programs use a site with access tokens of the type at+jwt whose keys the provider publishes: `bearer { audience <value> }` in latchkey. No token is asked about by introspection"
	noJQ       = "an expression in jq is not taken over: what a claim is called and which groups are sent is said by `header <Name> <claim>` and `groups only`"
	ownStore   = "sessions are in a file or in Redis (`store`); what is in memory is bounded by Latchkey"
	ownKeys    = "is not needed any more: Latchkey makes its keys itself and supersedes them"
	ownSignal  = "users are signed out where the provider says so by back-channel logout: register /.latchkey/back-channel-logout, docs/sign-out.md"
	fixed      = "is always so: PKCE with S256, a nonce, the issuer and the audience of tokens are checked"
	ownReach   = "outbound calls have limits of their own, and go to public addresses or to those that the issuer names"
	noRegister = "a client is registered at the provider by you: no registration by program"
)

// keys are the directives of mod_auth_openidc that are read by no other part, for a whole server.
var keys = map[string]draft.Explained{
	"oidccryptopassphrase": differs(ownKeys), "oidccacheencrypt": differs(ownStore), "oidccachedir": differs(ownStore), "oidccachefilecleaninterval": differs(ownStore),
	"oidccacheshmmax": differs(ownStore), "oidccacheshmentrysizemax": differs(ownStore), "oidcmemcacheservers": todo("sessions are in a file or in Redis: `store redis redis://host:6379/0`"),
	"oidcmemcacheconnectionsmin": differs(ownStore), "oidcmemcacheconnectionssmax": differs(ownStore), "oidcmemcacheconnectionshmax": differs(ownStore), "oidcmemcacheconnectionsttl": differs(ownStore),
	"oidcrediscacheconnecttimeout": differs(ownStore), "oidcrediscachetimeout": differs(ownStore), "oidcsessioncachefallbacktocookie": missing("a session is in the store, never in a cookie"),
	"oidcsessioncookiechunksize": differs(draft.OwnCookie), "oidccookie": differs(draft.OwnCookie), "oidccookiepath": differs(draft.OwnCookie), "oidccookiehttponly": differs(draft.OwnCookie),
	"oidccookiesamesite": differs(draft.OwnCookie), "oidccookiedomain": todo("each host that shared the cookie becomes a site; one sign-in for all is `sign_in_host <host>` in latchkey (docs/single-sign-on.md)"),
	"oidcstripcookies": differs("the cookies of Latchkey never reach the app"), "oidcpasscookies": differs("no cookie is sent to the provider"),
	"oidcstatetimeout": differs(draft.OwnFlow), "oidcstatemaxnumberofcookies": differs(draft.OwnFlow), "oidcstatecookieprefix": differs(draft.OwnFlow), "oidcstateinputheaders": differs(draft.OwnFlow),
	"oidcpreservepost": differs("what a user has typed into a form is kept over a sign-in where the site says `preserve_post`"), "oidcpreserveposttemplates": missing(draft.OwnPages),
	"oidchtmlerrortemplate": missing(draft.OwnPages), "oidcdefaulturl": differs("a user comes back to the page that was asked for first, or to / of the site"),
	"oidcdefaultloggedouturl": differs("after sign-out users see a page of Latchkey at /.latchkey/signed-out"), "oidclogoutrequestparams": missing("sign-out sends id_token_hint, client_id and the address to come back to, and nothing else"),
	"oidclogoutxframeoptions": differs(ownSignal), "oidcproviderchecksessioniframe": missing(ownSignal),
	"oidcproviderbackchannellogoutsupported": differs(ownSignal), "oidcredirecturlsallowed": differs("after sign-out users come back to sites of the Caddyfile and no other"),
	"oidcproviderauthorizationendpoint": differs(draft.OwnChecks), "oidcprovidertokenendpoint": differs(draft.OwnChecks), "oidcprovideruserinfoendpoint": differs(draft.OwnChecks),
	"oidcproviderjwksuri": differs(draft.OwnChecks), "oidcprovidersignedjwksuri": differs(draft.OwnChecks), "oidcproviderrevocationendpoint": differs(draft.OwnChecks),
	"oidcproviderpushedauthorizationrequestendpoint": differs(draft.OwnChecks), "oidcprovidermetadatarefreshinterval": differs("metadata is read again every hour, and when a key is not known"),
	"oidcjwksrefreshinterval": differs("keys are read again when a key is not known"), "oidcproviderverifycertfiles": missing(draft.OwnChecks),
	"oidcproviderauthrequestmethod": differs("a request goes by GET, or is pushed to the provider before (RFC 9126)"), "oidcrequestobject": differs("`request_object` in the provider signs the request with the key of `client_auth private_key_jwt`"),
	"oidcprovidertokenendpointparams": missing("nothing is added to the request for tokens"), "oidcproviderregistrationendpointjson": missing(noRegister),
	"oidcpkcemethod": differs(fixed), "oidcvalidateissuer": missing("the issuer in a token is always checked"), "oidcprofile": differs("`profile fapi2` in the provider demands what FAPI 2 does"), "oidcdpopmode": differs("tokens are bound by DPoP where the provider can do so; `dpop` in the provider demands it"),
	"oidcidtokensignedresponsealg":    differs("the algorithms are those that the metadata names, without `none` and without those that use the client secret as a key"),
	"oidcidtokenencryptedresponsealg": missing("tokens are not encrypted: TLS is"), "oidcidtokenencryptedresponseenc": missing("tokens are not encrypted: TLS is"),
	"oidcuserinfosignedresponsealg": missing("userinfo is read over TLS as JSON"), "oidcuserinfoencryptedresponsealg": missing("userinfo is read over TLS as JSON"), "oidcuserinfoencryptedresponseenc": missing("userinfo is read over TLS as JSON"),
	"oidcuserinfotokenmethod": differs("the access token is sent to userinfo in the header Authorization"), "oidcidtokeniatslack": differs("clocks may differ by a minute"),
	"oidcidtokenaudvalues": todo("`trust_audience <value>...` in the provider names further audiences of an ID token"),
	"oidcclientname":       differs(noRegister), "oidcclientcontact": differs(noRegister), "oidcclientjwksuri": missing("`client_auth private_key_jwt` signs with a key whose public half is registered at the provider"),
	"oidcpublickeyfiles": differs("the public half of a key is registered at the provider"), "oidcclienttokenendpointkeypassword": missing("a key has no password: it is readable by the service alone"), "oidcclienttokenendpointkey": differs("is taken over together with the certificate"),
	"oidcdiscoverurl": differs("with several providers users choose on a page of Latchkey"), "oidcdiscoverissuersallowed": differs("only providers of the Caddyfile are used"),
	"oidcoutgoingproxy": missing("outbound calls go directly; a proxy has to be transparent"), "oidchttptimeoutlong": differs(ownReach), "oidchttptimeoutshort": differs(ownReach),
	"oidcblacklistedclaims": differs("claims reach the app only where `header` names them"), "oidcwhitelistedclaims": differs("claims reach the app only where `header` names them"),
	"oidcfilterclaimsexpr": missing(noJQ), "oidcuserinfoclaimsexpr": missing(noJQ), "oidcclaimprefix": differs("`header <Name> <claim>` gives a header any name"), "oidcclaimdelimiter": differs("the elements of a list have a comma between them (docs/headers.md)"),
	"oidcpassidtokenas": differs("an ID token is never sent to an app: `assertion` is signed, and made for the app"), "oidcpassuserinfoas": differs("`header <Name> <claim>` sends a claim; `assertion` is signed"),
	"oidcpassrefreshtoken": missing("a refresh token is never sent to an app"), "oidcpassaccesstoken": differs("`forward_access_token` sends the access token"),
	"oidcinfohook": missing("what a session has in it is shown by `latchkey sessions` to an administrator; the app reads headers"), "oidcmetricsdata": differs("`metrics` of Caddy (docs/operations.md)"), "oidcmetricspublish": differs("`metrics` of Caddy (docs/operations.md)"),
	"oidctraceparent": differs("`tracing` of Caddy"), "oidcdebugmasksecrets": differs("no secret is in a log"), "oidcunauthaction": differs("not the site decides: a browser that opens a page is sent to sign in, every other request without a session is answered with 401"),
	"oidcunautzaction":          differs("a user who may not enter sees a page that says why, or signs in again more strongly if a policy demands it"),
	"oidcpathauthrequestparams": missing("what is sent to the provider is the same for all paths; a policy with `require acr:<value>` demands more of some"), "oidcpathscope": missing("scopes are the same for all paths"),
	"oidcrefreshaccesstokenbeforeexpiry": differs("an access token for the app is renewed before it ends"), "oidcsessiontype": differs(ownStore),
	"oidctokenbindingpolicy":    differs("sessions are bound to a device where the browser can do so (`bind_sessions`)"),
	"oidccertboundaccesstokens": differs(fixed), "oidcresponserequireiss": differs(fixed),
	"oidcproviderissuer": differs(draft.OwnChecks), "oidcrediscacheserver": differs(ownStore), "oidcrediscachedatabase": differs(ownStore), "oidcrediscacheusername": differs(ownStore),
}

// bearerPrefix begins the directives for programs.
const bearerPrefix = "oidcoauth"

// served are directives of Apache itself that have nothing to do with users.
var served = map[string]draft.Explained{}

func init() {
	for explained, names := range map[draft.Explained]string{
		differs(draft.OwnServer): "listen sslengine sslprotocol sslciphersuite sslhonorcipherorder sslcompression sslsessiontickets sslusestapling sslstaplingcache ssloptions sslproxyengine protocols servertokens serversignature serverroot user group pidfile timeout keepalive maxkeepaliverequests keepalivetimeout startservers maxrequestworkers threadsperchild minsparethreads maxsparethreads maxconnectionsperchild usecanonicalname hostnamelookups traceenable serveradmin mutex defaultruntimedir",
		differs(draft.OwnLog):    "errorlog customlog loglevel logformat transferlog errorlogformat",
		differs("modules of Apache are not needed: what Caddy has stands in `latchkey list-modules`"):                                            "loadmodule loadfile",
		differs("what answers under which name and in which form is said by the directives of Caddy (file_server, encode, header, php_fastcgi)"): "options allowoverride allowoverridelist directoryindex indexoptions addtype addhandler addoutputfilter addoutputfilterbytype setoutputfilter filedetag adddefaultcharset typesconfig accessfilename indexignore readmename headername fileetag addencoding addlanguage enablesendfile enablemmap limitrequestbody limitrequestfieldsize limitrequestline",
		differs("reverse_proxy passes answers on as they are; `header_down Location` of it changes a redirect"):                                  "proxypassreverse proxypassreversecookiedomain proxypassreversecookiepath",
		differs("reverse_proxy has options of its own for timeouts, addresses of clients and connections"):                                       "proxyrequests proxyvia proxytimeout proxyerroroverride proxyaddheaders proxybadheader proxyiobuffersize sslproxyverify sslproxycheckpeername sslproxycheckpeercn sslproxycheckpeerexpire sslproxycacertificatefile remoteipheader remoteipinternalproxy remoteiptrustedproxy",
		todo("`rewrite`, `redir` or `uri` of Caddy take its place"):                                                                              "rewriteengine rewriterule rewritecond rewritebase rewritemap redirect redirectmatch redirectpermanent redirecttemp aliasmatch scriptalias fallbackresource proxypassmatch proxypassinherit",
		todo("`header` of Caddy sets a header of answers"):                                                                                       "header expiresactive expiresdefault expiresbytype",
		todo("`php_fastcgi` of Caddy reaches PHP, reverse_proxy every other app"):                                                                "sethandler wsgiscriptalias wsgidaemonprocess wsgiprocessgroup passengerenabled scriptsock",
		todo("handle_errors of Caddy writes pages for errors"):                                                                                   "errordocument",
		missing("a condition or a variable of a request is not taken over"):                                                                      "setenv setenvif setenvifnocase passenv unsetenv browsermatch browsermatchnocase",
	} {
		for _, name := range strings.Fields(names) {
			served[name] = explained
		}
	}
}

// inSection reads what a section says beside its demands.
func (r *reader) inSection(s *server, section *directive) {
	for _, d := range section.inner {
		switch {
		case d.name == "authtype":
			d.read = true
			if strings.EqualFold(d.arg(0), "oauth20") || strings.EqualFold(d.arg(0), "auth-openidc") {
				r.plan.Note(draft.Todo, d.Origin, noBearer)
			} else if !isOpenID(d.arg(0)) && !strings.EqualFold(d.arg(0), "none") {
				r.plan.Note(draft.Missing, d.Origin, "Latchkey has no passwords of its own; a provider that has them takes its place")
			}
		case d.name == "authname":
			d.read = true
		case d.name == "oidcunauthaction" && strings.EqualFold(d.arg(0), "pass"):
			r.note(d, draft.Missing, "a part is closed, or it is open (a matcher for `latchkey`): users who are not signed in do not reach it. The part is closed here")
		case d.name == "oidcpassclaimsas":
			r.note(d, draft.Differs, "what the app is told is the same for the whole site: `headers` and `header` in latchkey")
		case strings.HasPrefix(d.name, "oidc"):
			if x, ok := keys[d.name]; ok {
				r.note(d, x.Level, "%s", x.Text)
			} else if strings.HasPrefix(d.name, bearerPrefix) {
				r.note(d, draft.Todo, noBearer)
			}
		case slices.Contains([]string{"authmerging", "satisfy", "authzsendforbiddenonfailure", "order", "allow", "deny"}, d.name):
			r.note(d, draft.Missing, "how demands are put together is not taken over: compare the policies of the site with what was demanded")
		}
	}
}

// rest makes a note of each directive that was not read.
func (r *reader) rest(d *directive) {
	for _, one := range d.inner {
		x, ok := served[one.name]
		switch {
		case one.read:
			r.rest(one)
		case one.name == "include" || one.name == "includeoptional":
			r.note(one, draft.Missing, "the files that it names are not read: put what they say into this file, or migrate each")
		case ok:
			r.note(one, x.Level, "%s", x.Text)
		case one.section && slices.Contains([]string{"if", "elseif", "else"}, one.name):
			r.note(one, draft.Missing, "what depends on a request is not taken over: a matcher of Caddy takes its place")
		case one.section:
			r.note(one, draft.Unknown, "this section is not known here, and what stands in it is not taken over")
		default:
			r.note(one, draft.Unknown, "this key is not known here and is not taken over")
		}
	}
}
