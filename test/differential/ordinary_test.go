package differential

import (
	"strings"
	"testing"
)

// ordinary are requests as apps and programs really make them, odd as some look. All of them pass, and method, path, query
// and body reach the app as they were sent. None is in the closed part of the sites that they are sent to.
var ordinary = []request{
	{method: "GET", target: "/"},
	{method: "GET", target: "/?"},
	{method: "HEAD", target: "/open/report.pdf"},
	{method: "OPTIONS", target: "/open/", header: []field{{"Origin", "https://other.example"}, {"Access-Control-Request-Method", "PUT"}}},
	{method: "PROPFIND", target: "/dav/calendars/ada/", header: []field{{"Depth", "1"}}, body: "<propfind xmlns='DAV:'><allprop/></propfind>"},
	{method: "PROPPATCH", target: "/dav/a%20b.txt", body: "<propertyupdate xmlns='DAV:'/>"},
	{method: "MKCOL", target: "/dav/new%20folder/"},
	{method: "MKCALENDAR", target: "/dav/calendars/ada/work/"},
	{method: "COPY", target: "/dav/a.txt", header: []field{{"Destination", "/dav/b.txt"}, {"Overwrite", "F"}}},
	{method: "MOVE", target: "/dav/a.txt", header: []field{{"Destination", "http://app.example/dav/b.txt"}}},
	{method: "LOCK", target: "/dav/a.txt", header: []field{{"Timeout", "Second-3600"}}, body: "<lockinfo xmlns='DAV:'/>"},
	{method: "UNLOCK", target: "/dav/a.txt", header: []field{{"Lock-Token", "<opaquelocktoken:1>"}}},
	{method: "REPORT", target: "/dav/calendars/ada/", header: []field{{"Depth", "1"}}, body: "<sync-collection xmlns='DAV:'/>"},
	{method: "SEARCH", target: "/dav/", body: "<searchrequest xmlns='DAV:'/>"},
	{method: "PATCH", target: "/api/v1/things/7", header: []field{{"Content-Type", "application/merge-patch+json"}}, body: `{"a":null}`},
	{method: "PUT", target: "/v2/library/app/manifests/sha256:0123456789abcdef", body: "{}"},
	{method: "DELETE", target: "/v2/library/app/blobs/sha256:0123456789abcdef"},
	{method: "PURGE", target: "/cache/page"},
	{method: "QUERY", target: "/search", header: []field{{"Content-Type", "application/sql"}}, body: "select 1"},
	{method: "M-SEARCH", target: "/upnp"},
	{method: "GET", target: "/~ada/notes"},
	{method: "GET", target: "/wiki/C++_(programming)"},
	{method: "GET", target: "/wiki/Talk:Main_Page?action=history&offset=&limit=500"},
	{method: "GET", target: "/wiki/Caf%C3%A9_%E2%80%93_Menu"},
	{method: "GET", target: "/wiki/100%25_wool"},
	{method: "GET", target: "/wiki/What%3F"},
	{method: "GET", target: "/wiki/C%23"},
	{method: "GET", target: "/@scope/package"},
	{method: "GET", target: "/package/-/package-1.0.0.tgz"},
	{method: "GET", target: "/maven2/org/a/1.0-SNAPSHOT/a-1.0-20260101.1-1.jar.sha1"},
	{method: "GET", target: "/.well-known/openid-configuration"},
	{method: "GET", target: "/.hidden/file"},
	{method: "GET", target: "/a..b/v1...2"},
	{method: "GET", target: "/fetch/https://example.com/a//b"},
	{method: "GET", target: "/open//double//slashes/"},
	{method: "GET", target: "/matrix;v=1/row;c=2"},
	{method: "GET", target: "/a,b;c=d&e=f/$metadata"},
	{method: "GET", target: "/odata/Products(1)/Name/$value"},
	{method: "GET", target: "/odata/Products?$filter=Price%20gt%205&$orderby=Name"},
	{method: "GET", target: "/a!b'c(d)e*f"},
	{method: "GET", target: "/a:b=c/d@e"},
	{method: "GET", target: "/%7Eada/%2D%5F"},
	{method: "GET", target: "/emoji/%F0%9F%98%80"},
	{method: "GET", target: "/pipes/a%7Cb%5Ec%60d"},
	{method: "GET", target: "/q?a=1&a=2&a=3&b[]=x&b[]=y&c[k]=v"},
	{method: "GET", target: "/q?flag&other=&=nameless&&"},
	{method: "GET", target: "/q?a=b;c=d;e"},
	{method: "GET", target: "/q?next=/open/?x=1&path=../up&u=http://example.com/%3Fq"},
	{method: "GET", target: "/q?rate=5%&x=%zz&y=%"},
	{method: "GET", target: "/q?latin=%E9&raw=%FF%FE"},
	{method: "GET", target: "/q?json={\"a\":[1,2]}&pipe=a|b&caret=^&tick=`"},
	{method: "GET", target: "/q?plus=a+b%2Bc&space=a%20b"},
	{method: "GET", target: "/q?" + strings.Repeat("filter=abcdefghij&", 400)},
	{method: "GET", target: "/" + strings.Repeat("long/", 300)},
	{method: "GET", target: "/q?query=up%7Bjob%3D%22node%22%7D&start=1.5e9&step=15"},
	{method: "POST", target: "/repo.git/git-upload-pack", header: []field{
		{"Content-Type", "application/x-git-upload-pack-request"}, {"Git-Protocol", "version=2"},
	}, body: "0000"},
	{method: "POST", target: "/graphql", header: []field{{"Content-Type", "application/json"}}, body: `{"query":"{a}"}`},
	{method: "POST", target: "/form", header: []field{{"Content-Type", "application/x-www-form-urlencoded"}}, body: "_method=PUT&a=b"},
	{method: "POST", target: "/empty"},
	{method: "GET", target: "/range", header: []field{{"Range", "bytes=0-99,200-"}, {"If-Range", `"etag"`}}},
	{method: "GET", target: "/headers", header: []field{
		{"X-Custom_Header", "kept"},
		{"X-Api-Key", "kept"},
		{"Authorization", "Bearer kept"},
		{"Cookie", "theirs=1; other=2"},
		{"X-Forwarded-Hosts", "kept"},
		{"X-Empty", ""},
		{"Accept-Language", "de, en;q=0.5"},
		{"X-Utf8", "é"},
	}},
}

// ordinarySites are where they are sent: to open paths of an anonymous client, to permitted ones of somebody signed in, to
// an app that Caddy tells by FastCGI.
var ordinarySites = []string{"path", "path-policy", "path-cgi"}

// testOrdinary sends them by every protocol.
func (x *trial) testOrdinary(t *testing.T) {
	c := newClient(t.Context(), x.gw)
	defer c.close()
	failed := &failures{}
	for _, site := range ordinarySites {
		for _, proto := range []string{http10, http11, http2, http3} {
			for i := range ordinary {
				r := ordinary[i].clone()
				rule := x.site(site)
				r.proto, r.host = proto, rule.host()
				failed.add(x.send(c, &kase{number: -1, rule: rule, request: r, fixed: true, gw: x.gw}))
			}
		}
	}
	for _, o := range failed.list {
		t.Error(o)
	}
	if failed.n > len(failed.list) {
		t.Errorf("%d ordinary requests failed", failed.n)
	}
}

func (x *trial) site(label string) *rule {
	for _, r := range x.gen.rules {
		if r.label() == label {
			return r
		}
	}
	panic("no site " + label)
}
