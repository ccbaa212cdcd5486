#!/usr/bin/env bash
# Glewlwyd 2.7.5 (Debian 12), its OpenID Connect plugin with the authorization code flow, right after a password:
# 1. The ID token says auth_time 0, also after a request with max_age. OpenID Connect Core, section 3.1.3.7, has a client compare
#    the two: one that does so refuses every sign-in.
# 2. prompt=none needs an id_token_hint, and it has to be the newest ID token of this user and client in any browser: else
#    a user who is signed in gets invalid_request. One who is not gets interaction_required (login_required in Core, section 3.1.2.6).
# 3. A refresh token is given, and the metadata lists refresh_token among response_types_supported, not grant_types_supported.
# 4. end_session without id_token_hint, which OpenID Connect RP-Initiated Logout 1.0 does not require, answers 200 with an empty body.
# 5. The client property post_logout_redirect_uri, which its client backend has by default, is not read: end_session does not
#    come back. It reads post_logout_redirect_uris, which has to be added to the data format of the backend as a list.
# 6. With back-channel logout on and front-channel logout off, the request that its sign-out page begins with answers 400.
# Seen: the lines at the end of this file. Fails if one of them changes.
# Needs: apt-get and dpkg of Debian 12 with package lists (apt-get update), openssl, python3. Nothing is installed: the
# packages are unpacked in a temporary folder.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null && wait "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
root=$dir/root
mkdir root debs
apt-get install -y --no-install-recommends --print-uris -q glewlwyd sqlite3 |
	sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" | grep -Ev '^(mysql-|mariadb-c|default-mysql|dbconfig)' | (cd debs && xargs apt-get download -q >download.log 2>&1)
for deb in debs/*.deb; do dpkg -x "$deb" root; done
ls debs/glewlwyd_2.7.5-* >/dev/null || { echo "Debian has another version than 2.7.5 here" >&2; exit 2; }
export PATH=$root/usr/bin:$PATH
LD_LIBRARY_PATH=$(echo "$root"/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem 2>/dev/null
openssl pkey -in key.pem -pubout >public.pem
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
export base=http://localhost:$port
zcat root/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz | sqlite3 glewlwyd.db
zcat root/usr/share/doc/glewlwyd/glewlwyd.conf.sample.gz | sed -E "s|^port=.*|port=$port\nbind_address=\"127.0.0.1\"|; s|^external_url=.*|external_url=\"$base\"|
	s|^cookie_secure=.*|cookie_secure=0|; s|^log_file=.*||; s|^response_allowed_compr.*||; s|/var/cache/glewlwyd[^\"]*\.db|$dir/glewlwyd.db|
	s|\"/usr/(lib\|share)/glewlwyd|\"$root/usr/\1/glewlwyd|" >glewlwyd.conf
glewlwyd --config-file="$dir/glewlwyd.conf" >glewlwyd.log 2>&1 &
pid=$!
python3 - <<'P'
import base64, json, os, sys, time, urllib.error, urllib.parse, urllib.request
base = os.environ['base']
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
class Browser(dict):
    def call(self, method, path, body=None, form=None, auth=None, want='answer'):
        headers = {'Cookie': '; '.join(f'{k}={v}' for k, v in self.items())}
        if body is not None: headers['Content-Type'] = 'application/json'
        if auth: headers['Authorization'] = 'Basic ' + base64.b64encode(auth.encode()).decode()
        data = json.dumps(body).encode() if body is not None else urllib.parse.urlencode(form).encode() if form else None
        url = path if path.startswith('http') else base + '/api' + path
        try: r = urllib.request.build_opener(Stay).open(urllib.request.Request(url, data, headers, method=method), timeout=30)
        except urllib.error.HTTPError as e: r = e
        for c in r.headers.get_all('Set-Cookie') or []:
            k, _, v = c.split(';')[0].partition('='); self[k] = v
        text = r.read().decode()
        if want == 'status': return r.status
        if r.status >= 400 and path.startswith('/'): sys.exit(f'{method} {path}: {r.status} {text}')
        return r.headers['Location'] or (json.loads(text) if text.startswith('{') else text)
admin = Browser()
for _ in range(150):
    try: admin.call('POST', '/auth', {'username': 'admin', 'password': 'password'}); break
    except OSError: time.sleep(.2)
else: sys.exit('Glewlwyd does not start: ' + open('glewlwyd.log').read()[:2000])
admin.call('POST', '/scope/', {'name': 'offline_access', 'display_name': 'offline_access', 'password_required': False, 'scheme': {}})
admin.call('POST', '/mod/plugin/', {'module': 'oidc', 'name': 'oidc', 'display_name': 'OIDC', 'order_rank': 0, 'parameters': {
    'iss': base + '/api/oidc', 'jwt-type': 'rsa', 'jwt-key-size': '256', 'key': open('key.pem').read(), 'cert': open('public.pem').read(),
    'access-token-duration': 3600, 'refresh-token-duration': 1209600, 'code-duration': 600, 'refresh-token-rolling': True, 'jwks-show': True,
    'allow-non-oidc': False, 'auth-type-code-enabled': True, 'auth-type-refresh-enabled': True, 'auth-type-id-token-enabled': True,
    'auth-type-token-enabled': False, 'auth-type-password-enabled': False, 'auth-type-client-enabled': False, 'subject-type': 'public',
    'allowed-scope': ['openid', 'offline_access'], 'session-management-allowed': True, 'session-cookie-name': 'SID',
    'session-cookie-expiration': 2419200, 'back-channel-logout-allowed': True, 'front-channel-logout-allowed': False}})
admin.call('POST', '/user/', {'username': 'ada', 'name': 'ada', 'password': 'ada-password-1', 'enabled': True, 'scope': ['openid', 'offline_access']})
admin.call('POST', '/client/', {'client_id': 'client', 'name': 'client', 'client_secret': 'a-secret-for-loopback', 'confidential': True,
    'enabled': True, 'redirect_uri': ['http://127.0.0.1:1/cb'], 'authorization_type': ['code', 'refresh_token'],
    'token_endpoint_auth_method': ['client_secret_basic'], 'scope': [], 'post_logout_redirect_uri': 'http://127.0.0.1:1/out'})
query = lambda url: dict(urllib.parse.parse_qsl(urllib.parse.urlparse(url).query))
request = lambda **more: base + '/api/oidc/auth?' + urllib.parse.urlencode({'client_id': 'client', 'response_type': 'code',
    'scope': 'openid offline_access', 'redirect_uri': 'http://127.0.0.1:1/cb', 'state': 'a-state', 'nonce': 'a-nonce'} | more)
# What the script of its sign-in page does.
def sign_in(browser, at):
    browser.call('POST', '/auth', {'username': 'ada', 'password': 'ada-password-1'})
    browser.call('PUT', '/auth/grant/client', {'scope': query(at)['scope']})
    return browser.call('GET', query(at)['callback_url'] + '&g_continue')
def tokens(at): # the client has no cookie of the user
    return Browser().call('POST', '/oidc/token/', form={'grant_type': 'authorization_code', 'code': query(at)['code'],
        'redirect_uri': 'http://127.0.0.1:1/cb'}, auth='client:a-secret-for-loopback')
def claims(answer):
    part = answer['id_token'].split('.')[1]
    return json.loads(base64.urlsafe_b64decode(part + '=' * (-len(part) % 4)))
seen = []
say = lambda what, value: seen.append(f'{what}: {value}')
yes = lambda have: 'yes' if have else 'no'
ada = Browser()
answer = tokens(sign_in(ada, ada.call('GET', request())))
say('auth_time', claims(answer)['auth_time'])
silent = lambda browser, **hint: query(browser.call('GET', request(prompt='none', **hint))).get('error', 'a code')
say('prompt=none, signed in', silent(ada))
say('prompt=none, signed in, id_token_hint', silent(ada, id_token_hint=answer['id_token']))
other = Browser()
say('auth_time with max_age', claims(tokens(sign_in(other, other.call('GET', request(max_age='60')))))['auth_time'])
say('prompt=none, signed in, id_token_hint, after a sign-in in another browser', silent(ada, id_token_hint=answer['id_token']))
say('prompt=none, not signed in', silent(Browser()))
metadata = admin.call('GET', '/oidc/.well-known/openid-configuration')
say('refresh token', '%s; listed as grant: %s, as response type: %s' % (yes('refresh_token' in answer),
    yes('refresh_token' in metadata['grant_types_supported']), yes('refresh_token' in metadata['response_types_supported'])))
end = metadata['end_session_endpoint'] + '?' + urllib.parse.urlencode({'post_logout_redirect_uri': 'http://127.0.0.1:1/out', 'state': 'a-state'})
say('end_session without id_token_hint', repr(ada.call('GET', end)))
page = query(ada.call('GET', end + '&id_token_hint=' + answer['id_token']))
say('end_session', page['prompt'] + ', comes back: ' + yes('callback_url' in page))
say('its page asks for the session', ada.call('GET', f'/oidc/session/{page["sid"]}/client', want='status'))
print('\n'.join(seen))
sys.exit(0 if seen == [
    'auth_time: 0',
    'prompt=none, signed in: invalid_request',
    'prompt=none, signed in, id_token_hint: a code',
    'auth_time with max_age: 0',
    'prompt=none, signed in, id_token_hint, after a sign-in in another browser: invalid_request',
    'prompt=none, not signed in: interaction_required',
    'refresh token: yes; listed as grant: no, as response type: yes',
    "end_session without id_token_hint: ''",
    'end_session: end_session, comes back: no',
    'its page asks for the session: 400',
] else 1)
P
