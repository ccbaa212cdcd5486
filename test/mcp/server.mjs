// An MCP server for the end-to-end tests: the official SDK, with its streamable HTTP transport. Its one tool says who calls it,
// by the header that the gateway sets. It prints its port as one line of JSON and lives until its standard input closes.
import http from 'node:http';
import { randomUUID } from 'node:crypto';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const sessions = new Map();

async function begin() {
  const server = new McpServer({ name: 'tools', version: '1.0.0' });
  server.registerTool('whoami', { description: 'says who calls' }, ({ requestInfo: { headers } }) => ({
    content: [{ type: 'text', text: JSON.stringify({ user: headers['remote-user'], token: headers.authorization }) }],
  }));
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => sessions.set(id, transport),
    onsessionclosed: (id) => sessions.delete(id),
  });
  await server.connect(transport);
  return transport;
}

const server = http.createServer(async (req, res) => {
  const id = req.headers['mcp-session-id'];
  const transport = id ? sessions.get(id) : await begin();
  if (!transport) {
    res.writeHead(404).end();
    return;
  }
  await transport.handleRequest(req, res);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`));
process.stdin.on('end', () => process.exit(0)).resume();
