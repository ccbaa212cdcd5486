// An OpenID provider for the end-to-end tests: the certified oidc-provider, configured by one JSON argument.
//
// It prints one line of JSON ({"ready":true,...}) once it listens and lives until its standard input closes. A command
// gives it another configuration, and with it a new life. People sign in without a password, by the button that bears their name. By default it remembers nobody: every
// authorization request shows the form again, because its own single sign-on would make a "No" look like a "Yes".
// A second loopback port takes commands (see idp/control.mjs).
import http from 'node:http';
import https from 'node:https';
import { X509Certificate, generateKeyPairSync, randomBytes } from 'node:crypto';
import Provider, { errors, interactionPolicy } from 'oidc-provider';
import { memory, forget } from './memory.mjs';
import { Faults } from './faults.mjs';
import { control } from './control.mjs';
import { interaction } from './interaction.mjs';
import { exchangeGrant, offerExchange } from './exchange.mjs';

const { Check, base } = interactionPolicy;
// Claims that may be released with scope "profile"; what a person has beyond this list comes from config.claims.
const profile = () => ['name', 'preferred_username', 'groups', 'acct', 'amr', 'acr', 'risk', 'user_risk', 'device_compliant',
  'device_managed', 'device_shared', 'signin_state', 'roles', ...(config.claims || [])];

let config = {};
// Clients that register themselves may name only scopes that the provider lists, those of resources among them.
const scopes = () => ['openid', 'profile', 'email', 'offline_access',
  ...(config.registration ? Object.values(config.resources || {}).flatMap(({ scope }) => scope.split(' ')) : [])];
const state = {
  host: 'localhost',
  requests: [], // {endpoint, method, query, params, status}, oldest first
};
const faults = new Faults();

// configure begins a new life: nothing is remembered but the port and the keys.
function configure(c) {
  config = c;
  Object.assign(state, {
    sso: !!c.sso,
    auto: c.auto || '',
    users: c.users || {},
    issued: { code: [], access_token: [], refresh_token: [], id_token: [] },
  });
  state.requests.length = 0;
  faults.clear();
  forget();
  if (!state.keys) state.keys = [newKey()];
  build();
  return secure();
}

function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: randomBytes(6).toString('hex'), use: 'sig', alg: 'RS256' };
}

// A key for the algorithms of FAPI 2.0, beside the others.
const curve = { ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }), kid: 'curve', use: 'sig', alg: 'ES256' };

// The certificate of the client on this connection (RFC 8705). A plain connection has none.
const certificate = (ctx) => {
  const { raw } = ctx.socket.getPeerCertificate?.() || {};
  return raw && new X509Certificate(raw);
};

// Clients with a certificate have endpoints of their own (RFC 8705, section 5).
const aliases = () => (config.tls && { mtls_endpoint_aliases: Object.fromEntries(Object.entries({
  token: '/token', revocation: '/token/revocation', userinfo: '/me', pushed_authorization_request: '/request',
}).map(([name, path]) => [`${name}_endpoint`, `https://${state.host}:${state.tlsPort}${path}`])) });

function policy() {
  const prompts = base();
  prompts.get('login').checks.add(new Check('forgetful', 'the provider remembers nobody', (ctx) => (
    state.sso || ctx.oidc.result?.login ? Check.NO_NEED_TO_PROMPT : Check.REQUEST_PROMPT
  )));
  return prompts;
}

// A provider keeps its keys for life; new keys therefore mean a new provider over the same memory.
function build() {
  const cookie = `idp${state.port}`; // cookies know no ports: two providers on one host must not share names
  const provider = new Provider(state.issuer, {
    adapter: memory(state),
    clients: config.clients?.map((c) => (c.grant_types && !c.grant_types.includes('authorization_code') ? { ...c, redirect_uris: [], response_types: [] } : c)),
    clientDefaults: { require_auth_time: !config.registration, grant_types: ['authorization_code', 'refresh_token', ...(config.exchange ? [exchangeGrant] : [])] },
    jwks: { keys: config.fapi ? [curve, ...state.keys] : state.keys },
    discovery: aliases(),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none',
      ...(config.tls ? ['tls_client_auth', 'self_signed_tls_client_auth'] : [])],
    cookies: {
      keys: ['for tests only'],
      names: { session: `${cookie}_session`, interaction: `${cookie}_interaction`, resume: `${cookie}_resume` },
    },
    claims: {
      openid: ['sub'], profile: profile(), email: ['email', 'email_verified'], acr: null, auth_time: null, iss: null, sid: null,
    },
    scopes: scopes(),
    acrValues: ['pwd', 'mfa'],
    conformIdTokenClaims: config.idTokenClaims === false,
    pkce: { required: () => true },
    interactions: { policy: policy(), url: (ctx, i) => `/interaction/${i.uid}` },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      introspection: { enabled: true },
      clientCredentials: { enabled: true },
      registration: { enabled: !!config.registration },
      resourceIndicators: {
        enabled: !!config.resources,
        useGrantedResource: () => true,
        getResourceServerInfo: (ctx, resource) => {
          const { scope, format, ttl } = config.resources[resource] || {};
          if (scope === undefined) throw new errors.InvalidTarget();
          return { scope, audience: resource, accessTokenFormat: format || 'jwt', accessTokenTTL: ttl, jwt: { sign: { alg: 'RS256' } } };
        },
      },
      dPoP: {
        enabled: true,
        nonceSecret: Buffer.alloc(32, 1), // for tests only
        requireNonce: () => !!config.proofNonce,
      },
      pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: !!config.requirePush },
      fapi: { enabled: !!config.fapi, profile: '2.0' },
      requestObjects: { enabled: !!config.signed, requireSignedRequestObject: config.signed === 'required' },
      mTLS: {
        enabled: !!config.tls,
        certificateBoundAccessTokens: true,
        selfSignedTlsClientAuth: true,
        tlsClientAuth: true,
        getCertificate: certificate,
        certificateAuthorized: (ctx) => ctx.socket.authorized,
        certificateSubjectMatches: (ctx, property, expected) => property === 'tls_client_auth_san_dns'
          && certificate(ctx).subjectAltName === `DNS:${expected}`,
      },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><title>Provider: sign out</title><h1>Sign out of the provider?</h1>${form}
            <button type="submit" form="op.logoutForm" name="logout" value="yes">Yes, sign out of the provider</button>`;
        },
      },
    },
    extraTokenClaims: (ctx, token) => {
      const { name, preferred_username: username, groups } = state.users[token.accountId] || {};
      const { acr, amr, authTime } = ctx.oidc.entities.AuthorizationCode || ctx.oidc.entities.RefreshToken || {};
      return { name, preferred_username: username, groups, acr, amr, auth_time: authTime };
    },
    // The gateway under test is on loopback, to which the own dispatcher does not connect.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    issueRefreshToken: (ctx, client) => config.refresh !== false && client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    rotateRefreshToken: true,
    ttl: {
      AccessToken: (ctx, token) => token.resourceServer?.accessTokenTTL || 3600, AuthorizationCode: 60, IdToken: 3600, RefreshToken: 86400, Interaction: 3600, Session: 86400, Grant: 86400,
    },
    async loadExistingGrant(ctx) {
      const { oidc } = ctx;
      const id = oidc.result?.consent?.grantId || oidc.session.grantIdFor(oidc.client.clientId);
      const grant = (id && await provider.Grant.find(id))
        || new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope(scopes().join(' '));
      for (const [resource, { scope }] of Object.entries(config.resources || {})) grant.addResourceScope(resource, scope);
      await grant.save(86400);
      return grant;
    },
    findAccount: (ctx, id) => (state.users[id] ? {
      accountId: id,
      claims: () => ({ sub: id, ...state.users[id] }),
    } : undefined),
    renderError(ctx, out) {
      ctx.type = 'html';
      ctx.body = `<!doctype html><title>Provider: error</title><h1>Provider error</h1><pre>${out.error}</pre>`;
    },
  });
  if (config.exchange) offerExchange(provider, state, config.resources || {});
  provider.on('grant.success', (ctx) => note(ctx, 200));
  provider.on('grant.error', (ctx, err) => note(ctx, err.status || 400));
  provider.on('backchannel.success', () => state.requests.push({ endpoint: 'told', method: 'POST', path: '', query: {}, status: 200 }));
  provider.on('backchannel.error', (ctx, err) => state.requests.push({
    endpoint: 'told', method: 'POST', path: '', query: {}, status: err.response?.status || 0,
  }));
  provider.on('server_error', (ctx, err) => process.stderr.write(`${err.stack}\n`));
  state.provider = provider;
  state.handler = provider.callback();
}

function note(ctx, status) {
  const { code, refresh_token: rt, client_secret: secret, subject_token: subject, ...params } = ctx.oidc.params || {};
  const entry = state.requests.findLast((r) => r.endpoint === 'token');
  if (entry) Object.assign(entry, { params: { ...params, auth: ctx.oidc.client?.clientAuthMethod }, status });
}

const endpoints = [
  [/^\/\.well-known\/openid-configuration/, 'discovery'], [/^\/jwks/, 'jwks'], [/^\/auth/, 'authorize'], [/^\/request$/, 'push'],
  [/^\/token\/revocation/, 'revocation'], [/^\/token\/introspection/, 'introspection'], [/^\/reg/, 'registration'], [/^\/token/, 'token'], [/^\/me/, 'userinfo'],
  [/^\/session\/end/, 'end_session'], [/^\/interaction/, 'login'],
];

async function serve(req, res) {
  const url = new URL(req.url, state.issuer);
  const endpoint = endpoints.find(([re]) => re.test(url.pathname))?.[1] || 'other';
  const entry = {
    endpoint, method: req.method, path: url.pathname, query: Object.fromEntries(url.searchParams),
    certificate: req.socket.getPeerCertificate?.().serialNumber || '', proof: 'dpop' in req.headers,
  };
  state.requests.push(entry);
  res.once('finish', () => { entry.status ??= res.statusCode; });
  if (await faults.meet(endpoint, req, res)) return;
  if (endpoint === 'token') remember(res);
  if (endpoint === 'login') await interaction(state, req, res, url);
  else await state.handler(req, res);
}

// remember keeps what a token answer hands out, so that a test can look for it where it must not be.
function remember(res) {
  const end = res.end.bind(res);
  res.end = (chunk, ...rest) => {
    try {
      for (const [k, v] of Object.entries(JSON.parse(String(chunk)))) state.issued[k]?.push(v);
    } catch { /* an error page holds no token */ }
    return end(chunk, ...rest);
  };
}

const listener = (req, res) => {
  serve(req, res).catch((err) => {
    process.stderr.write(`${err.stack}\n`);
    if (!res.headersSent) res.writeHead(500);
    res.end();
  });
};
const server = http.createServer(listener);
// It asks for a certificate and takes any: the provider decides by the client.
const tlsServer = https.createServer({ requestCert: true, rejectUnauthorized: false }, listener);

// secure gives the endpoints with TLS the certificate and the authority of this life.
function secure() {
  if (!config.tls) return;
  tlsServer.setSecureContext(config.tls);
  tlsServer.closeAllConnections(); // of the life before
}

// A client must not meet a connection that is being closed for having been idle.
server.keepAliveTimeout = 600000;
tlsServer.keepAliveTimeout = 600000;

function listen(port) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => { server.off('error', reject); resolve(server.address().port); });
  });
}

state.up = () => listen(state.port);
state.down = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
// Its next connection shows which certificate a client has now.
state.register = (clients) => { config.clients = clients; build(); tlsServer.closeAllConnections(); };
state.rotate = (keep) => { state.keys = [newKey(), ...(keep ? state.keys : [])]; build(); };
state.configure = configure;

state.tlsPort = await new Promise((resolve) => { tlsServer.listen(0, '127.0.0.1', () => resolve(tlsServer.address().port)); });
state.port = await listen(0);
state.issuer = `http://${state.host}:${state.port}`;
configure(JSON.parse(process.argv[2] || '{}'));
const controlPort = await control(state, faults);
process.stdout.write(`${JSON.stringify({ ready: true, issuer: state.issuer, control: `http://127.0.0.1:${controlPort}` })}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
