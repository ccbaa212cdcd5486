#!/usr/bin/env bash
# Dex at ab64ed77 (August 2026), SQLite, with sessions: it keeps one refresh token a person and client. A second sign-in of the same
# person makes the first one's refresh token invalid, and says so with invalid_request, not with invalid_grant (RFC 6749, 5.2).
# Seen: "first browser, after a second sign-in: 400 invalid_request", "second browser: 200". Fails if that changes.
# Needs: go, gcc, python3. DEX names a binary that is built already; else it is built from the Go module proxy.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
dex=${DEX:-$dir/dex}
if [ ! -x "$dex" ]; then
	# Releases are no versions of this module, and its own replacement of api/v2 counts nowhere else.
	printf 'module findings\n\ngo 1.26\n\nrequire github.com/dexidp/dex v0.0.0-20260806151424-ab64ed778070\n\nreplace github.com/dexidp/dex/api/v2 => github.com/dexidp/dex/api/v2 v2.4.1-0.20260806151424-ab64ed778070\n' >go.mod
	GOFLAGS=-mod=mod go build -o "$dex" github.com/dexidp/dex/cmd/dex
fi
port=$(python3 -c 'import socket; s=socket.create_server(("127.0.0.1",0)); print(s.getsockname()[1])')
cat >dex.yaml <<Y
issuer: http://127.0.0.1:$port
storage: {type: sqlite3, config: {file: $dir/dex.db}}
web: {http: 127.0.0.1:$port}
sessions: {absoluteLifetime: 24h, validIfNotUsedFor: 1h}
oauth2: {skipApprovalScreen: true}
enablePasswordDB: true
staticPasswords: # password: dex-password-1
  - {email: ada@example.com, userID: ada, username: ada, hash: "\$2a\$10\$RlxZNHkW5k3zk8Mep.zOf.TiCr7Zf9iF.eZflFItWpP3b.TrEYGli"}
staticClients:
  - {id: app, secret: a-secret, name: App, redirectURIs: ['http://127.0.0.1:1/cb']}
Y
DEX_SESSIONS_ENABLED=true "$dex" serve dex.yaml >dex.log 2>&1 &
pid=$!
DEX_URL=http://127.0.0.1:$port python3 - <<'P'
import http.cookiejar, json, os, re, sys, time, urllib.error, urllib.parse, urllib.request
base = os.environ['DEX_URL']
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
def call(url, form=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    try: r = urllib.request.build_opener(Stay).open(urllib.request.Request(url, data), timeout=30)
    except urllib.error.HTTPError as e: r = e
    return r.status, r.headers.get('Location'), r.read().decode()
for _ in range(150):
    try: call(base + '/.well-known/openid-configuration'); break
    except OSError: time.sleep(.2)
def token(form):
    status, _, text = call(base + '/token', {'client_id': 'app', 'client_secret': 'a-secret', **form})
    return status, json.loads(text)
def sign_in():
    url = base + '/auth?' + urllib.parse.urlencode({'client_id': 'app', 'response_type': 'code', 'scope': 'openid offline_access',
        'redirect_uri': 'http://127.0.0.1:1/cb', 'state': 'a-state'})
    form = None
    for _ in range(8):
        status, to, text = call(url, form)
        if not to: form = {'login': 'ada@example.com', 'password': 'dex-password-1'}; continue
        url, form = urllib.parse.urljoin(url, to), None
        if url.startswith('http://127.0.0.1:1/cb'): break
    return token({'grant_type': 'authorization_code', 'redirect_uri': 'http://127.0.0.1:1/cb',
        'code': urllib.parse.parse_qs(urllib.parse.urlparse(url).query)['code'][0]})[1]['refresh_token']
first, second = sign_in(), sign_in()
a, b = (token({'grant_type': 'refresh_token', 'refresh_token': t}) for t in (first, second))
print('first browser, after a second sign-in:', a[0], a[1].get('error'), '|', a[1].get('error_description'))
print('second browser:', b[0])
sys.exit(0 if (a[0], a[1].get('error'), b[0]) == (400, 'invalid_request', 200) else 1)
P
