// An MCP client for the end-to-end tests: the official SDK, which is told nothing but the address of the server (its first
// argument). It registers itself where the gateway's answer leads, signs in as the user whom the provider takes without a form,
// calls a tool and ends its session. It prints what happened as one line of JSON.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';

const address = new URL(process.argv[2]);
const asked = []; // each request that the SDK made
const kept = {};

const provider = {
  redirectUrl: 'http://127.0.0.1:1/back',
  clientMetadata: {
    client_name: 'test', redirect_uris: ['http://127.0.0.1:1/back'], token_endpoint_auth_method: 'none', application_type: 'native',
    grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'],
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => { kept.client = client; },
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  redirectToAuthorization: (url) => { kept.authorize = url; },
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  codeVerifier: () => kept.verifier,
};

async function recorded(url, init) {
  const res = await fetch(url, init);
  const at = new URL(url);
  asked.push(`${init?.method || 'GET'} ${at.origin === address.origin ? '' : 'provider'}${at.pathname} ${res.status}`);
  return res;
}

// browse follows the redirects of a sign-in as a browser does, allows what the provider asks for, and returns the code.
async function browse(url) {
  const cookies = new Map();
  for (let at = new URL(url), form, hops = 0; hops < 20; hops += 1) {
    if (at.pathname === '/back') return at.searchParams.get('code');
    const res = await fetch(at, {
      redirect: 'manual', headers: { cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; ') }, ...(form && { method: 'POST', body: form }),
    });
    for (const line of res.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const location = res.headers.get('location');
    form = !location && /name="allow"/.test(await res.text()) ? new URLSearchParams({ allow: '1' }) : undefined;
    if (!location && !form) throw new Error(`${at}: ${res.status}`);
    if (location) at = new URL(location, at);
  }
  throw new Error('too many redirects');
}

const connect = async () => {
  const transport = new StreamableHTTPClientTransport(address, { authProvider: provider, fetch: recorded });
  const client = new Client({ name: 'test', version: '1.0.0' });
  try {
    await client.connect(transport);
  } catch (err) {
    if (!(err instanceof UnauthorizedError)) throw err;
    await transport.finishAuth(await browse(kept.authorize));
    return null;
  }
  return { client, transport };
};

const { client, transport } = await connect() || await connect();
const { tools } = await client.listTools();
const { content } = await client.callTool({ name: 'whoami' });
const resource = kept.authorize.searchParams.get('resource');
await transport.terminateSession();
await client.close();
process.stdout.write(`${JSON.stringify({
  asked, resource, scope: kept.authorize.searchParams.get('scope'), tools: tools.map((t) => t.name), said: JSON.parse(content[0].text),
})}\n`);
