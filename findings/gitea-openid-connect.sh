#!/usr/bin/env bash
# Gitea 1.26.0 as an OpenID provider, SQLite, a confidential client:
# 1. It keeps one nonce for each user and client, not one for each authorization request. Of two sign-ins of a user that overlap
#    (two tabs that a browser restores, or two browsers) the first one's ID token has the nonce of the second. OpenID Connect Core,
#    section 3.1.3.7, has a client refuse it: the first tab ends with an error.
# 2. What was consented to first stays: a later request for more scopes is answered with a code at once, without a page and without
#    an error, and its tokens have the claims of the first. The token answer has no scope (RFC 6749, section 5.1, requires it then).
# 3. Userinfo says "groups": null for a user in no organization (section 5.3.2: a claim that is not returned should not be null).
# 4. An unknown refresh token is answered with unauthorized_client (RFC 6749, section 5.2, has invalid_grant).
# 5. prompt=none of a user who is not signed in is answered with its sign-in page, and prompt=login of one who is with a code.
# Seen: the lines at the end of this file. Fails if one of them changes.
# Needs: go, gcc, python3. GITEA names a binary that is built already; else it is built from the Go module proxy (some minutes).
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null && wait "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'M'
module findings

go 1.26

require code.gitea.io/gitea v1.26.0

replace (
	github.com/Azure/azure-sdk-for-go/sdk/azcore => github.com/Azure/azure-sdk-for-go/sdk/azcore v1.19.0
	github.com/Azure/azure-sdk-for-go/sdk/storage/azblob => github.com/Azure/azure-sdk-for-go/sdk/storage/azblob v1.6.2
	github.com/jaytaylor/html2text => github.com/Necoro/html2text v0.0.0-20250804200300-7bf1ce1c7347
	github.com/microsoft/go-mssqldb => github.com/microsoft/go-mssqldb v1.9.7
	github.com/nektos/act => gitea.com/gitea/act v0.261.10
	github.com/urfave/cli/v3 => github.com/urfave/cli/v3 v3.4.1
	go.yaml.in/yaml/v4 => go.yaml.in/yaml/v4 v4.0.0-rc.3
)
M
export GOFLAGS=-mod=mod GOWORK=off
gitea=${GITEA:-$dir/gitea}
[ -x "$gitea" ] || go build -trimpath -tags sqlite,sqlite_unlock_notify -o "$gitea" code.gitea.io/gitea 2>build.log || { cat build.log >&2; exit 2; }
static=$(go mod download -json code.gitea.io/gitea@v1.26.0 | python3 -c 'import json, sys; print(json.load(sys.stdin)["Dir"])') # templates
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
export base=http://127.0.0.1:$port HOME=$dir GITEA_WORK_DIR=$dir
cat >app.ini <<I
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
WORK_PATH = $dir
[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = $port
ROOT_URL = $base/
STATIC_ROOT_PATH = $static
DISABLE_SSH = true
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = $dir/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = of-this-trial
[log]
LEVEL = Error
I
"$gitea" migrate --config app.ini >migrate.log 2>&1
"$gitea" admin user create --config app.ini --username ada --password ada-password-1 --email ada@example.com --must-change-password=false >user.log 2>&1
"$gitea" web --config app.ini >gitea.log 2>&1 &
pid=$!
python3 - <<'P'
import base64, html, json, os, re, sys, time, urllib.error, urllib.parse, urllib.request
base, back = os.environ['base'], 'http://127.0.0.1:1/cb'
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
class Browser(dict):
    def call(self, url, form=None, auth=None, body=None):
        headers = {'Cookie': '; '.join(f'{k}={v}' for k, v in self.items()), 'Origin': base}
        if body: headers['Content-Type'] = 'application/json'
        if auth: headers['Authorization'] = auth
        data = json.dumps(body).encode() if body else urllib.parse.urlencode(form).encode() if form else None
        try: r = urllib.request.build_opener(Stay).open(urllib.request.Request(urllib.parse.urljoin(base, url), data, headers), timeout=30)
        except urllib.error.HTTPError as e: r = e
        for c in r.headers.get_all('Set-Cookie') or []:
            k, _, v = c.split(';')[0].partition('='); self[k] = v
        return r.status, r.headers['Location'], r.read().decode()
    # Goes on to the client, through the pages for a password and for consent.
    def authorize(self, pages=None, **more):
        to = '/login/oauth/authorize?' + urllib.parse.urlencode({'client_id': client['client_id'], 'response_type': 'code', 'redirect_uri': back, 'state': 's'} | more)
        for _ in range(10):
            if to.startswith(back): return dict(urllib.parse.parse_qsl(urllib.parse.urlparse(to).query))
            _, at, page = self.call(to)
            if at: to = urllib.parse.urljoin(base, at); continue
            fields = {m[1]: html.unescape(m[2]) for m in re.finditer(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)}
            seen_here = 'password' if '/user/login' in to else 'consent'
            if pages is not None: pages.append(seen_here)
            form = fields | ({'user_name': 'ada', 'password': 'ada-password-1'} if seen_here == 'password' else {'granted': 'true'})
            to = urllib.parse.urljoin(base, self.call(to if seen_here == 'password' else '/login/oauth/grant', form)[1])
basic = lambda who: 'Basic ' + base64.b64encode(who.encode()).decode()
for _ in range(150):
    try: Browser().call('/api/healthz'); break
    except OSError: time.sleep(.2)
else: sys.exit('Gitea does not start: ' + open('gitea.log').read()[:2000])
client = json.loads(Browser().call('/api/v1/user/applications/oauth2', auth=basic('ada:ada-password-1'),
    body={'name': 'client', 'redirect_uris': [back], 'confidential_client': True})[2])
def token(**form):
    status, _, text = Browser().call('/login/oauth/access_token', form, basic(client['client_id'] + ':' + client['client_secret']))
    return status, json.loads(text)
def redeem(answer): return token(grant_type='authorization_code', code=answer['code'], redirect_uri=back)[1]
def claims(answer):
    part = answer['id_token'].split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))
seen = []
say = lambda what, value: seen.append(f'{what}: {value}')
ada, pages = Browser(), []
first = redeem(ada.authorize(pages, scope='openid', nonce='zero'))
say('first sign-in', ', '.join(pages))
one, two = ada.authorize(scope='openid', nonce='one'), ada.authorize(scope='openid', nonce='two')
say('nonces of two sign-ins at the same time, one and two', f"{claims(redeem(one))['nonce']} and {claims(redeem(two))['nonce']}")
pages = []
more = redeem(ada.authorize(pages, scope='openid email groups', nonce='n'))
say('with more scopes', f"{pages or 'no page'}, scope {more.get('scope')}, email {claims(more).get('email')}")
say('groups of userinfo', json.loads(Browser().call('/login/oauth/userinfo', auth='Bearer ' + more['access_token'])[2])['groups'])
say('unknown refresh token', '%d %s' % (lambda r: (r[0], r[1]['error']))(token(grant_type='refresh_token', refresh_token='unknown')))
pages = []
Browser().authorize(pages, scope='openid', nonce='n', prompt='none')
say('prompt=none, not signed in', ', '.join(pages))
pages = []
ada.authorize(pages, scope='openid', nonce='n', prompt='login')
say('prompt=login, signed in', pages or 'no page')
print('\n'.join(seen))
sys.exit(0 if seen == [
    'first sign-in: password, consent',
    'nonces of two sign-ins at the same time, one and two: two and two',
    'with more scopes: no page, scope None, email None',
    'groups of userinfo: None',
    'unknown refresh token: 400 unauthorized_client',
    'prompt=none, not signed in: password',
    'prompt=login, signed in: no page',
] else 1)
P
