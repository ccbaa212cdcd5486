package differential

import (
	"fmt"
	"strings"
)

// mutators change one thing about a request. Those of the path stand more than once: most rules are about it.
var mutators = []func(*dice, *request){
	encodePath, insertInPath, insertInPath, casePath, slashes, dotSegment, suffix, targetForm,
	encodePath, insertInPath, dotSegment,
	oddMethod, oddMethod, query, query, encodeQuery, manyPairs,
	identity, identity, override, forwarded, hop, upgrade, oddHost, oddHeader, tenantHeader, tenantHeader, cookie,
	extendedConnect, body,
}

func encodePath(d *dice, r *request) { r.setPath(d.encode) }

func casePath(d *dice, r *request) { r.setPath(d.swapCase) }

func insertInPath(d *dice, r *request) {
	what := d.pick(
		"/", "//", ".", "..", ";", ";x=1", "%", "%z", "%2", "%25", "%2f", "%2F", "%5c", "\\", "%2e", "%00", "%09", "\t", "%20", " ", "+",
		"%0a", "%0d", "%7f", "%c2%80", "%ff", "\xff", "%c0%af", "%e2%88%95", "\u2215", "%ef%bc%8f", "%u002f", "~", ":", "@", "!", "'", "*", ",",
		"#", "?", "&", "=", "|", "^", "`", "{", "}", "[", "]", "\"", "<", ">", "$", "é", "%c3%a9", "\u200b", "%3b", "%3f", "%23", "%252e", "%252f",
	)
	r.setPath(func(p string) string { return insert(p, d.at(p), what) })
}

func slashes(d *dice, r *request) {
	r.setPath(func(p string) string {
		return strings.Replace(p, "/", d.pick("//", "///", "/./", "%2f", "\\", "/;/", "/%20/", "/.//", ";/", "/\t/"), 1+d.IntN(2))
	})
}

// dotSegment goes up from some other place.
func dotSegment(d *dice, r *request) {
	up := d.pick("..", "..", "%2e%2e", ".%2e", "%2E.", "..;", "..;a=b", "..%00", "..%20", "...", "..%09", "%252e%252e", "..\\", ".%00.")
	r.setPath(func(p string) string { return d.pick("/open/", "/x/", "/", "/open/x/../", "/.latchkey/") + up + p })
}

func suffix(d *dice, r *request) {
	what := d.pick(
		"/", ".", "/.", "/..", ".json", ".php/x", ".css", ";.css", "%20", "%00", "%00.html", "/index.html", "?", "??", "#", "#/open/", "%3f", "%23",
		"/~", "%2f", ":", "::$DATA", "~1", "/*", "*", ";jsessionid=1", "%", "/open/",
	)
	r.setPath(func(p string) string { return p + what })
}

// targetForm writes the target in another form: absolute, without a slash, of another scheme, an authority, an asterisk.
func targetForm(d *dice, r *request) {
	switch d.IntN(8) {
	case 0, 1:
		r.target = d.pick("http", "https", "HTTP", "ftp", "") + "://" + r.host + r.target
	case 2:
		r.target = "http://" + d.pick("other.lk.localhost", "u@"+r.host, r.host+":1", "admin.lk.localhost", "") + r.target
	case 3:
		r.target = strings.TrimPrefix(r.target, "/")
	case 4:
		r.target = "/" + d.pick("/", "\\", "/"+r.host, "%2f") + r.target
	case 5:
		r.target = d.pick("*", r.host, "?admin=1", "")
	case 6:
		r.target = "/open/" + d.pick("%2e%2e", "..", "x") + "?" + r.target
	case 7:
		r.target += d.pick("?", "#", "%23", "%3F") + d.pick("/open/", "/open/x", "/../open/")
	}
}

func oddMethod(d *dice, r *request) {
	switch d.IntN(6) {
	case 0:
		r.method = strings.ToLower(r.method)
	case 1:
		r.method = d.swapCase(r.method)
	case 2:
		r.method = d.pick("DELETE", "POST", "PUT", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PATCH")
	case 3:
		r.method = d.pick("PROPFIND", "PROPPATCH", "MKCOL", "MOVE", "COPY", "LOCK", "REPORT", "M-SEARCH", "PURGE", "QUERY", "X-DELETE", "GET!", "G.E.T", "_GET")
	case 4:
		r.method = d.pick("delete", "Delete", "dELETE", "post", "Post", "get", "gEt", "proppatch")
	case 5:
		r.method = d.pick(" "+r.method, r.method+" ", r.method+"\t", "", "DELETE,GET", "DELETE;", "DELETE/", "\u212aEY", "DELETE\x00")
	}
}

func query(d *dice, r *request) {
	pair := d.pick(
		"admin=1", "admin=0", "admin", "Admin=1", "a=b", "a=%zz", "%zz", "%", "a=%", ";", "a;b=c", ";admin=1", "admin=1;", "=", "=1", "&", "?admin=1",
		"admin%3d1", "admin=1%00", "admin=+1", "admin= 1", "admin[]=1", "admin.=1", "admin=%31", "%61dmin=1", "%61dmin=%31", "a=%ff", "a=\xff", "admin=1#",
		"a=%c0%80", "x=/open/", "public=1", "_method=DELETE", "a=é", "a=\"<>\"", "a={}|^`", "%00admin=1", "admin%00=1", "+admin=1", "admin+=1", "a=\t",
	)
	join := d.pick("&", "&", "&", ";", "&&", "?", "&amp;")
	r.setQuery(func(q string) string {
		if d.IntN(2) == 0 {
			return q + join + pair
		}
		return pair + join + q
	})
}

func encodeQuery(d *dice, r *request) {
	if _, _, has := r.pathAndQuery(); has {
		r.setQuery(d.encode)
	}
}

// manyPairs is more than some parsers read.
func manyPairs(d *dice, r *request) {
	if d.IntN(20) != 0 {
		return
	}
	r.setQuery(func(q string) string { return strings.Repeat("a=b&", 1001) + q })
}

func identity(d *dice, r *request) {
	name := d.pick(
		"Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups",
		"X-Forwarded-Preferred-Username", "X-Remote-User", "X-Auth-Request-User", "X-Latchkey-Assertion", "X-WebAuth-User",
	)
	r.add(d.spell(name), d.pick("mallory", "admin", personName, ""))
}

func override(d *dice, r *request) {
	switch d.IntN(3) {
	case 0, 1:
		r.add(d.spell(d.pick("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")), d.pick("DELETE", "POST", "delete", "GET"))
	case 2:
		r.add(d.spell(d.pick("X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Forwarded-URI")), d.pick("/closed/list", "/closed/list?admin=1", "/open/"))
	}
}

func forwarded(d *dice, r *request) {
	switch d.IntN(4) {
	case 0:
		r.add(d.spell("X-Forwarded-Host"), d.pick("admin.lk.localhost", "other.lk.localhost", r.host))
	case 1:
		r.add(d.spell("X-Forwarded-Proto"), d.pick("https", "http", "HTTPS", "wss"))
	case 2:
		r.add(d.spell("X-Forwarded-For"), d.pick("127.0.0.1", "10.0.0.1", "::1", "x"))
	case 3:
		r.add(d.spell("Forwarded"), d.pick("for=10.0.0.1;host=admin.lk.localhost;proto=https", "host=admin.lk.localhost", "proto=https"))
	}
}

// hop names headers of one connection alone, as if a proxy should take them out.
func hop(d *dice, r *request) {
	r.add(d.pick("Connection", "Connection", "Proxy-Connection", "Keep-Alive", "TE", "Trailer"), d.pick(
		"close", "keep-alive", "X-Tenant", "Remote-User", "X-Forwarded-Host, X-Forwarded-Proto", "Cookie", "Host", "x-case2", "trailers", "close, X-Tenant",
	))
}

func upgrade(d *dice, r *request) {
	r.add("Connection", d.pick("Upgrade", "upgrade", "Upgrade, HTTP2-Settings", "keep-alive, Upgrade", "close"))
	r.add(d.pick("Upgrade", "upgrade"), d.pick("websocket", "WebSocket", "h2c", "foo/1", "TLS/1.0", "websocket, h2c", "h2c, websocket", "foo"))
	if d.IntN(2) == 0 {
		r.add("HTTP2-Settings", "AAMAAABkAAQAAP__")
	}
	if d.IntN(2) == 0 {
		r.add("Upgrade", d.pick("websocket", "h2c", "bar"))
	}
}

func oddHost(d *dice, r *request) {
	switch d.IntN(5) {
	case 0:
		r.host = d.swapCase(r.host)
	case 1:
		r.host += d.pick(".", ":80", ":443", ".:80", ":", ":0x50", "..", ":99999", "%2e", " ")
	case 2:
		r.host = d.pick("admin.lk.localhost", "ADMIN.lk.localhost", "admin.lk.localhost.", "admin.lk.localhost:8080", "admin.lk.localhost.:1", "[::1]", "u@admin.lk.localhost", "admin%2elk.localhost", "")
	case 3:
		r.add("Host", d.pick("admin.lk.localhost", r.host))
	case 4:
		r.host = d.encode(r.host)
	}
}

func oddHeader(d *dice, r *request) {
	switch d.IntN(8) {
	case 0:
		r.add("X-Odd", d.pick("\x00", "a\x01b", "é", "\xff", " ", "\"", strings.Repeat("a", 5000)))
	case 1:
		r.add(d.pick("X Odd", "X-Odd ", " X-Odd", "", "X:Odd", "Xé", "X\x00", "(x)"), "1")
	case 2:
		r.add("Transfer-Encoding", d.pick("chunked", "identity", "xchunked", "chunked, gzip", "Chunked"))
	case 3:
		r.add("Content-Length", d.pick("0", "3", "+3", "-1", "3, 3", "0x3", " ", "03"))
	case 4:
		r.add("Range", "bytes=0-1")
	case 5:
		r.add("Accept", d.pick("text/html", "*/*", "application/json"))
	case 6:
		r.add(d.spell("Content-Type"), d.pick("application/x-www-form-urlencoded", "multipart/form-data", "x"))
	case 7:
		r.add(d.pick("Sec-Fetch-Mode", "Origin", "Authorization", "Proxy", "Early-Data", "X-Real-IP", "True-Client-IP"), d.pick("navigate", "cors", "1", "10.0.0.1"))
	}
}

func tenantHeader(d *dice, r *request) {
	r.add(d.spell("X-Tenant"), d.pick("internal", "guest", "Internal", "internal, guest", "guest, internal", " internal", ""))
}

func cookie(d *dice, r *request) {
	r.add(d.pick("Cookie", "cookie", "COOKIE"), d.pick(
		"latchkey=forged", "__Host-latchkey=forged", "a=b", "a=b; latchkey=x; c=d", "latchkey_flow=x", "\"latchkey\"=x", "latchkey =x", "a;b", "$Version=1; latchkey=x",
	))
}

// extendedConnect opens a tunnel within HTTP/2 or HTTP/3, as a browser does for a WebSocket.
func extendedConnect(d *dice, r *request) {
	if r.proto == http2 || r.proto == http3 {
		r.method, r.connect, r.body = d.pick("CONNECT", "CONNECT", "CONNECT", "GET", "connect"), d.pick("websocket", "websocket", "connect-udp", "foo", "WebSocket"), ""
	}
}

func body(d *dice, r *request) {
	r.body = d.pick("a=b", "_method=DELETE&admin=1", strings.Repeat("x", 20000), fmt.Sprintf("{\"n\":%d}", d.IntN(9)))
}
