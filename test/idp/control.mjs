// Commands for the provider under test: POST {"op": ...} on a loopback port of its own; the answer is JSON.
import http from 'node:http';

export function control(state, faults) {
  const ops = {
    state: () => {
      const hits = {};
      for (const r of state.requests) hits[r.endpoint] = (hits[r.endpoint] || 0) + 1;
      return { hits, requests: state.requests, issued: state.issued };
    },
    configure: ({ config }) => state.configure(config),
    register: ({ clients }) => state.register(clients),
    reset: () => { state.requests.length = 0; },
    user: ({ user, claims }) => { if (claims) state.users[user] = claims; else delete state.users[user]; },
    sso: ({ on }) => { state.sso = !!on; },
    auto: ({ user }) => { state.auto = user || ''; },
    fail: ({ endpoint, fault }) => faults.set(endpoint, fault),
    release: () => faults.release(),
    rotate: ({ keep }) => state.rotate(keep),
    down: () => { faults.release(); return state.down(); },
    up: () => state.up(),
  };
  const server = http.createServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    try {
      const { op, ...args } = JSON.parse(body);
      const out = (await ops[op](args)) ?? {};
      res.end(JSON.stringify(typeof out === 'object' ? out : {}));
    } catch (err) {
      res.writeHead(400);
      res.end(String(err));
    }
  });
  server.keepAliveTimeout = 600000;
  return new Promise((resolve) => { server.listen(0, '127.0.0.1', () => resolve(server.address().port)); });
}
