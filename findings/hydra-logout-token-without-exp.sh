#!/usr/bin/env bash
# Ory Hydra 2.3.0, SQLite: its back-channel logout token has no exp, which the final specification (OpenID Connect Back-Channel
# Logout 1.0, 2.4) requires and older drafts did not have. Seen: "claims: aud events iat iss jti sid". Fails if that changes.
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
 "urls":{"self":{"issuer":"http://127.0.0.1:$public"},"login":"http://127.0.0.1:1/login","consent":"http://127.0.0.1:1/consent","logout":"http://127.0.0.1:1/logout","post_logout_redirect":"http://127.0.0.1:1/bye"},
 "secrets":{"system":["for-a-trial-on-loopback-only"]}}
J
"$hydra" migrate sql up -e --yes --config hydra.json >migrate.log 2>&1
"$hydra" serve all --dev --sqa-opt-out --config hydra.json >hydra.log 2>&1 &
pid=$!
PUBLIC=http://127.0.0.1:$public ADMIN=http://127.0.0.1:$admin python3 - <<'P'
import base64, http.server, json, os, sys, threading, time, urllib.error, urllib.parse, urllib.request
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
told = []
class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        told.append(urllib.parse.parse_qs(self.rfile.read(int(self.headers['Content-Length'])).decode())['logout_token'][0])
        self.send_response(200); self.end_headers()
    def log_message(self, *a): pass
receiver = http.server.HTTPServer(('127.0.0.1', 0), Receiver)
threading.Thread(target=receiver.serve_forever, daemon=True).start()
client = call('POST', admin + '/admin/clients', {'redirect_uris': ['http://127.0.0.1:1/cb'], 'scope': 'openid offline_access',
    'grant_types': ['authorization_code', 'refresh_token'], 'response_types': ['code'], 'client_secret': 'a-secret-for-loopback',
    'backchannel_logout_uri': f'http://127.0.0.1:{receiver.server_port}/', 'backchannel_logout_session_required': True})
auth = client['client_id'] + ':a-secret-for-loopback'
query = lambda url, name: urllib.parse.parse_qs(urllib.parse.urlparse(url).query)[name][0]
def sign_in():
    cookies.clear()
    at = call('GET', public + '/oauth2/auth?' + urllib.parse.urlencode({'client_id': client['client_id'], 'response_type': 'code',
        'scope': 'openid offline_access', 'redirect_uri': 'http://127.0.0.1:1/cb', 'state': 'a-state-that-is-long'}))
    for kind, body in ('login', {'subject': 'ada', 'remember': True}), ('consent', {'grant_scope': ['openid', 'offline_access']}):
        to = call('PUT', f'{admin}/admin/oauth2/auth/requests/{kind}/accept?{kind}_challenge={query(at, kind + "_challenge")}', body)
        at = call('GET', to['redirect_to'])
    return call('POST', public + '/oauth2/token', form={'grant_type': 'authorization_code', 'code': query(at, 'code'),
        'redirect_uri': 'http://127.0.0.1:1/cb'}, auth=auth)
sign_in()
at = call('GET', public + '/oauth2/sessions/logout')
call('GET', call('PUT', admin + '/admin/oauth2/auth/requests/logout/accept?logout_challenge=' + query(at, 'logout_challenge'))['redirect_to'])
for _ in range(50):
    if told: break
    time.sleep(.1)
part = told[0].split('.')[1]
claims = json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))
print('claims:', *sorted(claims))
sys.exit(0 if 'exp' not in claims and 'events' in claims else 1)
P
