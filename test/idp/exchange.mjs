// The grant of a token exchange (RFC 8693), which oidc-provider leaves to its user: an access token of this provider, as a
// JWT or opaque, is exchanged for one of another resource.
import { createLocalJWKSet, jwtVerify } from 'jose';
import { errors } from 'oidc-provider';

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const list = (v) => (v === undefined ? [] : [v].flat());

// subjectOf returns who a token is of, and what it is for.
async function subjectOf(provider, state, token) {
  const found = await provider.AccessToken.find(token);
  if (found) return { sub: found.accountId, grantId: found.grantId };
  try {
    const keys = state.keys.map(({ kty, n, e, kid, use, alg }) => ({ kty, n, e, kid, use, alg }));
    const { payload } = await jwtVerify(token, createLocalJWKSet({ keys }), { issuer: state.issuer });
    return { sub: payload.sub };
  } catch {
    throw new errors.InvalidRequest('subject_token is not valid');
  }
}

export function offerExchange(provider, state, resources) {
  const handler = async (ctx) => {
    const { client, params } = ctx.oidc;
    if (params.subject_token_type !== accessToken || params.requested_token_type !== accessToken) {
      throw new errors.InvalidRequest('only access tokens are exchanged here');
    }
    const targets = [...list(params.audience), ...list(params.resource)];
    if (targets.length !== 1 || !resources[targets[0]]) throw new errors.InvalidTarget();
    const { sub, grantId } = await subjectOf(provider, state, params.subject_token);
    const { scope, format, ttl } = resources[targets[0]];
    const token = new provider.AccessToken({ accountId: sub, client, grantId, gty: 'token_exchange' });
    token.resourceServer = new provider.ResourceServer(targets[0], {
      scope, audience: targets[0], accessTokenFormat: format || 'jwt', accessTokenTTL: ttl, jwt: { sign: { alg: 'RS256' } },
    });
    token.scope = scope.split(' ').filter((s) => !params.scope || params.scope.split(' ').includes(s)).join(' ') || undefined;
    ctx.oidc.entity('AccessToken', token);
    const value = await token.save();
    ctx.body = {
      access_token: value, issued_token_type: accessToken, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope,
    };
  };
  provider.registerGrantType(exchangeGrant, handler,
    ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'resource', 'scope'], ['audience', 'resource']);
}
