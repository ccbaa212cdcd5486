#!/usr/bin/env bash
# Ory Hydra 2.3.0, SQLite: after a new signing key was added, the ID token of a refresh names the old kid in its header,
# while a new sign-in names the new one. Both keys are published. Seen: "code before: old", "refresh after: old", "code after:
# second". Fails if that changes.
# Needs: go, curl, python3. HYDRA names a binary that is built already; else it is built from the Go module proxy.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
hydra=${HYDRA:-$dir/hydra}
if [ ! -x "$hydra" ]; then
	printf 'module findings\n\ngo 1.26\n\nrequire github.com/ory/hydra/v2 v2.3.0\n\nreplace github.com/gobuffalo/pop/v6 => github.com/ory/pop/v6 v6.2.1-0.20241121111754-e5dfc0f3344b\n' >go.mod
	GOFLAGS=-mod=mod go build -trimpath -tags sqlite -o "$hydra" github.com/ory/hydra/v2
fi
read -r public admin < <(python3 -c 'import socket
a=[socket.create_server(("127.0.0.1",0)) for _ in "12"]; print(*[s.getsockname()[1] for s in a])')
cat >hydra.json <<J
{"dsn":"sqlite://$dir/hydra.db?_fk=true","serve":{"public":{"host":"127.0.0.1","port":$public},"admin":{"host":"127.0.0.1","port":$admin}},
 "urls":{"self":{"issuer":"http://127.0.0.1:$public"},"login":"http://127.0.0.1:1/login","consent":"http://127.0.0.1:1/consent"},
 "secrets":{"system":["for-a-trial-on-loopback-only"]}}
J
"$hydra" migrate sql up -e --yes --config hydra.json >migrate.log 2>&1
"$hydra" serve all --dev --sqa-opt-out --config hydra.json >hydra.log 2>&1 &
pid=$!
PUBLIC=http://127.0.0.1:$public ADMIN=http://127.0.0.1:$admin python3 - <<'P'
import base64, json, os, sys, time, urllib.error, urllib.parse, urllib.request
public, admin = os.environ['PUBLIC'], os.environ['ADMIN']
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
cookies = {}
def call(method, url, body=None, form=None, auth=None):
    headers = {'Cookie': '; '.join(f'{k}={v}' for k, v in cookies.items())}
    data = None
    if body is not None: data = json.dumps(body).encode(); headers['Content-Type'] = 'application/json'
    if form is not None: data = urllib.parse.urlencode(form).encode()
    if auth: headers['Authorization'] = 'Basic ' + base64.b64encode(auth.encode()).decode()
    try: r = urllib.request.build_opener(Stay).open(urllib.request.Request(url, data, headers, method=method), timeout=30)
    except urllib.error.HTTPError as e: r = e
    for c in r.headers.get_all('Set-Cookie') or []:
        k, _, v = c.split(';')[0].partition('='); cookies[k] = v
    text = r.read().decode()
    return r.headers['Location'] if 300 <= r.status < 400 else json.loads(text) if text.startswith('{') else text
for _ in range(150):
    try: call('GET', admin + '/health/ready'); break
    except OSError: time.sleep(.2)
client = call('POST', admin + '/admin/clients', {'redirect_uris': ['http://127.0.0.1:1/cb'], 'scope': 'openid offline_access',
    'grant_types': ['authorization_code', 'refresh_token'], 'response_types': ['code'], 'client_secret': 'a-secret-for-loopback'})
auth = client['client_id'] + ':a-secret-for-loopback'
query = lambda url, name: urllib.parse.parse_qs(urllib.parse.urlparse(url).query)[name][0]
def sign_in():
    cookies.clear()
    at = call('GET', public + '/oauth2/auth?' + urllib.parse.urlencode({'client_id': client['client_id'], 'response_type': 'code',
        'scope': 'openid offline_access', 'redirect_uri': 'http://127.0.0.1:1/cb', 'state': 'a-state-that-is-long'}))
    for kind, body in ('login', {'subject': 'ada'}), ('consent', {'grant_scope': ['openid', 'offline_access']}):
        to = call('PUT', f'{admin}/admin/oauth2/auth/requests/{kind}/accept?{kind}_challenge={query(at, kind + "_challenge")}', body)
        at = call('GET', to['redirect_to'])
    return call('POST', public + '/oauth2/token', form={'grant_type': 'authorization_code', 'code': query(at, 'code'),
        'redirect_uri': 'http://127.0.0.1:1/cb'}, auth=auth)
def kid(tokens):
    part = tokens['id_token'].split('.')[0]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))['kid']
first = sign_in()
old = kid(first)
call('POST', admin + '/admin/keys/hydra.openid.id-token', {'alg': 'RS256', 'use': 'sig', 'kid': 'second'})
refreshed = call('POST', public + '/oauth2/token', form={'grant_type': 'refresh_token', 'refresh_token': first['refresh_token']}, auth=auth)
name = lambda k: 'old' if k == old else k
print('code before:', name(old)); print('refresh after:', name(kid(refreshed))); print('code after:', name(kid(sign_in())))
sys.exit(0 if kid(refreshed) == old and kid(sign_in()) == 'second' else 1)
P
