#!/usr/bin/env bash
# Better Auth 1.7.5 with @better-auth/oauth-provider 1.7.5, default settings, its memory adapter: when a used refresh token comes
# again, it deletes all refresh tokens of this user and client, and not only those of the one grant (RFC 9700, section 4.14.2). A
# client that did not get the answer to a refresh in one browser, and asks again with the token that it has, ends the renewal of the
# user's sessions in all other browsers too. refreshTokenReuseInterval is 0 by default.
# Seen: the lines at the end of this file. Fails if one of them changes. Needs: node 20, npm.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >package.json <<'J'
{"private": true, "type": "module",
 "dependencies": {"better-auth": "1.7.5", "@better-auth/oauth-provider": "1.7.5", "@better-auth/core": "1.7.5", "@better-auth/utils": "0.4.2",
  "@better-auth/memory-adapter": "1.7.5"},
 "overrides": {"@better-auth/kysely-adapter": "1.7.5", "@better-auth/drizzle-adapter": "1.7.5", "@better-auth/prisma-adapter": "1.7.5",
  "@better-auth/mongo-adapter": "1.7.5", "@better-auth/telemetry": "1.7.5"}}
J
npm install --no-audit --no-fund --ignore-scripts >npm.log 2>&1 || { cat npm.log >&2; exit 2; }
cat >main.mjs <<'E'
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { memoryAdapter } from '@better-auth/memory-adapter';
import { betterAuth } from 'better-auth';
import { toNodeHandler } from 'better-auth/node';
import { jwt } from 'better-auth/plugins';
import { oauthProvider } from '@better-auth/oauth-provider';

const server = createServer((request, answer) => handler(request, answer));
await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
const base = `http://127.0.0.1:${server.address().port}/api/auth`, back = 'https://app.example.com/cb';
const tables = ['user', 'session', 'account', 'verification', 'jwks', 'oauthClient', 'oauthAccessToken', 'oauthRefreshToken', 'oauthConsent', 'oauthResource', 'oauthClientResource'];
const auth = betterAuth({
  baseURL: new URL(base).origin, secret: 'of-this-trial-on-loopback-and-long-enough', database: memoryAdapter(Object.fromEntries(tables.map((name) => [name, []]))),
  emailAndPassword: { enabled: true }, telemetry: { enabled: false }, rateLimit: { enabled: false }, logger: { level: 'error' },
  plugins: [jwt(), oauthProvider({ loginPage: '/sign-in', consentPage: '/consent' })],
});
const handler = toNodeHandler(auth);
const cookies = (answer) => answer.headers.getSetCookie().map((c) => c.split(';')[0]).join('; ');
const ada = { email: 'ada@example.com', password: 'ada-password-1' };
const cookie = cookies(await auth.api.signUpEmail({ body: { ...ada, name: 'Ada' }, asResponse: true }));
const client = await auth.api.adminCreateOAuthClient({ headers: new Headers({ cookie }), body: { redirect_uris: [back], skip_consent: true,
  grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], scope: 'openid offline_access' } });

async function token(form) {
  const answer = await fetch(base + '/oauth2/token', { method: 'POST', body: new URLSearchParams(form),
    headers: { Authorization: 'Basic ' + btoa(`${client.client_id}:${client.client_secret}`) } });
  const body = await answer.json();
  return { ...body, line: [answer.status, body.error, body.error_description].filter(Boolean).join(' ') };
}
const refresh = (refresh_token) => token({ grant_type: 'refresh_token', refresh_token });
// signIn is that of another browser of the same user, and returns its refresh token.
async function signIn() {
  const here = cookies(await auth.api.signInEmail({ body: ada, asResponse: true })), verifier = 'v'.repeat(43);
  const url = base + '/oauth2/authorize?' + new URLSearchParams({ client_id: client.client_id, response_type: 'code', redirect_uri: back, state: 's',
    scope: 'openid offline_access', code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256' });
  const to = new URL((await (await fetch(url, { redirect: 'manual', headers: { cookie: here } })).json()).url); // a redirect, for fetch
  return (await token({ grant_type: 'authorization_code', code: to.searchParams.get('code'), redirect_uri: back, code_verifier: verifier })).refresh_token;
}
const one = await signIn(), two = await signIn();
const second = await refresh(two);
console.log('first browser:', (await refresh(one)).line);
console.log('second browser:', second.line);
console.log('first browser, the same token again:', (await refresh(one)).line);
console.log('second browser, its newest token:', (await refresh(second.refresh_token)).line);
process.exit(0);
E
timeout 60 node main.mjs | tee seen
diff seen - <<'E'
first browser: 200
second browser: 200
first browser, the same token again: 400 invalid_grant invalid refresh token
second browser, its newest token: 400 invalid_grant session not found
E
