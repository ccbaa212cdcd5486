#!/usr/bin/env bash
# LemonLDAP::NG 2.16.1 (Debian 12), a client with "Allow offline access" and "Bypass consent":
# 1. Its metadata lists neither the scope offline_access nor the grant refresh_token, and it gives a refresh token all the same. A
#    client that asks only for what scopes_supported lists gets none.
# 2. A refresh token that has expired is answered with invalid_request, where RFC 6749, section 5.2, has invalid_grant. A client
#    that asks for a new sign-in at invalid_grant alone tries the old token for ever.
# 3. prompt=none of a user who is not signed in is answered with its sign-in page, where OpenID Connect Core, section 3.1.2.6, has
#    login_required at the redirect URI. A client that waits in a hidden frame hears nothing.
# 4. A sign-out after an authorization request that the user has left open (here at the page that asks for the password again,
#    for max_age) comes back with the state of that request in place of the sign-out's own.
# Seen: the lines at the end of this file. Fails if one of them changes.
# Needs: apt-get and dpkg of Debian 12 with package lists (apt-get update), perl, openssl, python3.
# Nothing is installed: the packages are unpacked in a temporary folder.
set -euo pipefail
dir=$(mktemp -d)
trap 'kill "${pid:-}" 2>/dev/null && wait "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
root=$dir/root
mkdir root debs conf cache captcha notifications sessions sessions/lock psessions psessions/lock
apt-get install -y --no-install-recommends --print-uris -q liblemonldap-ng-portal-perl starman libgd-securityimage-perl \
	libimage-magick-perl libio-string-perl libstring-random-perl libcrypt-openssl-bignum-perl |
	sed -n "s/^'[^']*' \([^_]*\)_.*/\1/p" | (cd debs && xargs apt-get download -q >download.log 2>&1)
for deb in debs/*.deb; do dpkg -x "$deb" root; done
ls debs/liblemonldap-ng-portal-perl_2.16.1+* >/dev/null || { echo "Debian has another version than 2.16.1 here" >&2; exit 2; }
PERL5LIB=$root/usr/share/perl5:$(echo root/usr/lib/*/perl5/* | sed "s| |:|g; s|root/|$root/|g")
LD_LIBRARY_PATH=$(echo "$root"/usr/lib/*-linux-gnu)
LLNG_DEFAULTCONFFILE=$dir/lemonldap-ng.ini
export PERL5LIB LD_LIBRARY_PATH LLNG_DEFAULTCONFFILE
sed "s|/var/lib/lemonldap-ng|$dir|; s|/usr/share/lemonldap-ng|$root&|" root/etc/lemonldap-ng/lemonldap-ng.ini >lemonldap-ng.ini
echo 'use Lemonldap::NG::Portal::Main; Lemonldap::NG::Portal::Main->run({});' >portal.psgi
openssl genrsa 2048 >key.pem 2>/dev/null
openssl rsa -in key.pem -pubout >public.pem 2>/dev/null
port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
export base=http://localhost:$port
# The configuration that comes with it, with its demonstration accounts, and one client.
sed "s|/var/lib/lemonldap-ng|$dir|g" root/var/lib/lemonldap-ng/conf/lmConf-1.json | python3 -c '
import json, os, sys
conf, option = json.load(sys.stdin), "oidcRPMetaDataOptions"
conf.update({"portal": os.environ["base"] + "/", "domain": "localhost", "registerDB": "Null", "passwordDB": "Null", "issuerDBOpenIDConnectActivation": 1, "oidcServiceKeyIdSig": "first",
    "oidcServicePrivateKeySig": open("key.pem").read(), "oidcServicePublicKeySig": open("public.pem").read(),
    option: {"client": {option + k: v for k, v in {"ClientID": "client", "ClientSecret": "a-secret-for-loopback", "IDTokenSignAlg": "RS256",
        "RedirectUris": "http://127.0.0.1:1/cb", "PostLogoutRedirectUris": "http://127.0.0.1:1/out", "AllowOffline": 1, "BypassConsent": 1, "OfflineSessionExpiration": 6}.items()}}})
json.dump(conf, sys.stdout)' >conf/lmConf-1.json
perl root/usr/bin/starman --listen "127.0.0.1:$port" --workers 2 portal.psgi >portal.log 2>&1 &
pid=$!
python3 - <<'P'
import base64, html, json, os, re, sys, time, urllib.error, urllib.parse, urllib.request
base = os.environ['base']
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
cookies = {}
def call(path, form=None, auth=None):
    headers = {'Cookie': '; '.join(f'{k}={v}' for k, v in cookies.items())}
    if auth: headers = {'Authorization': 'Basic ' + base64.b64encode(auth.encode()).decode()}
    data = urllib.parse.urlencode(form).encode() if form else None
    try: r = urllib.request.build_opener(Stay).open(urllib.request.Request(base + path, data, headers), timeout=30)
    except urllib.error.HTTPError as e: r = e
    for c in r.headers.get_all('Set-Cookie') or []:
        k, _, v = c.split(';')[0].partition('='); cookies[k] = v
    return r.status, r.headers['Location'] or r.read().decode()
for _ in range(150):
    try:
        metadata = json.loads(call('/.well-known/openid-configuration')[1]); break
    except (OSError, ValueError): time.sleep(.2)
else: sys.exit('the portal does not start: ' + open('portal.log').read()[:2000])
seen = []
say = lambda what, value: seen.append(f'{what}: {value}')
answer = lambda yes: 'yes' if yes else 'no'
say('listed', 'scope %s, grant %s' % (answer('offline_access' in metadata['scopes_supported']), answer('refresh_token' in metadata['grant_types_supported'])))
request = lambda **more: '/oauth2/authorize?' + urllib.parse.urlencode({'client_id': 'client', 'response_type': 'code',
    'state': 'of-authorization', 'scope': 'openid offline_access', 'redirect_uri': 'http://127.0.0.1:1/cb'} | more)
query = lambda url: dict(urllib.parse.parse_qsl(urllib.parse.urlparse(url).query))
def visit(path, form=None):
    status, to = call(path, form)
    while to.startswith(base): status, to = call(to.removeprefix(base))
    return status, to
def fields(page): return {m[1]: html.unescape(m[2]) for m in re.finditer(r'type="hidden"[^>]* name="([^"]+)"[^>]* value="([^"]*)"', page)}
def token(**form):
    status, text = call('/oauth2/token', form, 'client:a-secret-for-loopback')
    return status, json.loads(text)
status, page = visit(request(prompt='none'))
say('prompt=none, not signed in', f'{status}, sign-in page: ' + answer('name="password"' in page))
cookies.clear()
_, page = visit(request())
_, to = visit(request(), {k: v for k, v in fields(page).items() if k in ('url', 'token')} | {'user': 'dwho', 'password': 'dwho'})
status, tokens = token(grant_type='authorization_code', redirect_uri='http://127.0.0.1:1/cb', code=query(to)['code'])
began = time.monotonic()
say('code', f'{status}, refresh token {answer("refresh_token" in tokens)}')
status, _ = token(grant_type='refresh_token', refresh_token=tokens['refresh_token'])
say('refresh', status)
time.sleep(max(0, began + 8 - time.monotonic()))
status, refused = token(grant_type='refresh_token', refresh_token=tokens['refresh_token'])
say('refresh after expiry', f'{status} {refused.get("error", "")}')
visit(request(max_age='1'))
out = '/oauth2/logout?' + urllib.parse.urlencode({'post_logout_redirect_uri': 'http://127.0.0.1:1/out', 'state': 'of-sign-out'})
_, page = visit(out)
_, to = visit(out, fields(page))
say('sign-out comes back with state', query(to).get('state'))
print('\n'.join(seen))
sys.exit(0 if seen == [
    'listed: scope no, grant no',
    'prompt=none, not signed in: 200, sign-in page: yes',
    'code: 200, refresh token yes',
    'refresh: 200',
    'refresh after expiry: 400 invalid_request',
    'sign-out comes back with state: of-authorization',
] else 1)
P
