// A small HTTP service: counts its visitors, says that it lives, beats, and ends its requests before it ends itself.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const port = Number(process.env.PORT ?? 9641);
const heartbeat = process.env.OPSD_HEARTBEAT_FILE;
let visits = 0;

const server = createServer(({ url }, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  if (url === '/.well-known/live') response.end('ok\n');
  else if (url === '/') response.end(`Hello. You are visitor ${(visits += 1)} of pid ${process.pid}.\n`);
  else response.writeHead(404).end('There is only /\n');
});

server.on('error', ({ message }) => {
  console.error(`${message}: choose another port in cfg/config.toml (env.PORT)`);
  process.exit(2);
});

server.listen(port, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${port}/`);
  beat();
});

// From the loop that answers the requests: when that hangs, the beats end.
function beat() {
  if (heartbeat !== undefined) writeFileSync(heartbeat, `${process.pid}\n`);
  setTimeout(beat, 2000);
}

process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
