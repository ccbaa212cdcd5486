// An app on Node's http: it answers with what it understood, as base64 of JSON in the header Reading.
import http from 'node:http';
import querystring from 'node:querystring';
import url from 'node:url';

const attempt = (f) => {
  try {
    return [f()];
  } catch {
    return [];
  }
};

const server = http.createServer((q, s) => {
  const target = q.url;
  const search = target.includes('?') ? target.slice(target.indexOf('?') + 1) : '';
  const paths = [
    ...attempt(() => decodeURIComponent(target.split('?')[0])),
    ...attempt(() => decodeURIComponent(new URL(target, 'http://app').pathname)),
    ...attempt(() => decodeURIComponent(url.parse(target).pathname)),
  ];
  const pairs = [...new URLSearchParams(search)];
  for (const [k, v] of Object.entries(querystring.parse(search))) {
    for (const one of [v].flat()) pairs.push([k, one]);
  }
  const header = [];
  for (let i = 0; i < q.rawHeaders.length; i += 2) header.push([q.rawHeaders[i], q.rawHeaders[i + 1]]);
  const reading = { method: q.method, target, paths, query: pairs, host: q.headers.host ?? '', header };
  q.resume();
  q.on('end', () => {
    s.setHeader('Reading', Buffer.from(JSON.stringify(reading)).toString('base64'));
    s.setHeader('Content-Length', '0');
    s.end();
  });
});
server.keepAliveTimeout = 600_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
process.on('SIGINT', () => process.exit(0));
