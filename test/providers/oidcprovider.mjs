// oidc-provider with the settings that it comes with. Given are only what every installation must give (accounts, clients,
// keys) and the switch for back-channel logout. Arguments: a JSON file with the settings, read again at SIGHUP.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import Provider from 'oidc-provider';

const settings = () => JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { issuer, port, client, accounts } = settings();
const account = (id) => JSON.parse(readFileSync(accounts, 'utf8'))[id];

let handler;
function build() {
  const provider = new Provider(issuer, {
    clients: [client],
    jwks: { keys: settings().keys },
    claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email'] },
    findAccount: (ctx, id) => {
      const one = account(id);
      if (!one || one.disabled) return undefined;
      const claims = { sub: id, name: one.login, preferred_username: one.login, email: one.mail, groups: one.groups };
      return { accountId: id, claims: () => claims };
    },
    features: { backchannelLogout: { enabled: true } },
    // The library's own fetch refuses loopback addresses, where the gateway is in this trial.
    fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
    adapter: memory,
  });
  handler = provider.callback();
}

// The default adapter keeps its memory in the provider; keys are the provider's for life, so that a rotation makes another
// provider, over this memory.
const kept = new Map();
function memory(model) {
  const key = (id) => `${model}:${id}`;
  const find = (id) => { const e = kept.get(key(id)); return e && e.until > Date.now() ? e.value : undefined; };
  const by = (field, value) => [...kept.entries()].find(([k, e]) => k.startsWith(`${model}:`) && e.value[field] === value)?.[1].value;
  return {
    upsert: async (id, value, ttl) => { kept.set(key(id), { value, until: ttl ? Date.now() + ttl * 1000 : Infinity }); },
    find: async (id) => find(id),
    findByUid: async (uid) => by('uid', uid),
    findByUserCode: async (code) => by('userCode', code),
    destroy: async (id) => { kept.delete(key(id)); },
    consume: async (id) => { find(id).consumed = Math.floor(Date.now() / 1000); },
    revokeByGrantId: async (grantId) => {
      for (const [k, e] of kept) if (e.value.grantId === grantId) kept.delete(k);
    },
  };
}

build();
process.on('SIGHUP', build);
http.createServer((req, res) => handler(req, res)).listen(port, '127.0.0.1');
