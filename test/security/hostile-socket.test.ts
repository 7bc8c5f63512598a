// ctl asks whoever listens on the socket that it is given: what that program says does nothing to the terminal.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';

const CONFIG = `
[services.web]
command = ["sleep", "1000"]
instances = 2

[services.bad]
command = ["false"]
depends_on = ["web@1"]
`;

/** Sets the title, colours, goes back to the left, turns the direction of what follows. */
const EVIL = '\x1b]0;x\x07\x9b31m\r\b\u202e';
const UNSAFE = /[^\P{Cc}\n\t]|\p{Bidi_Control}/u;
/** What commands compare, not print: without it they say only that something is wrong. */
const KEPT = new Set(['state', 'service', 'name', 'kind', 'to', 'from', 'at', 'since', 'action', 'version']);

const COMMANDS = [
  ...['status', 'status --json', 'why bad', 'why bad --json', 'graph', 'logs none', 'reload', 'rollout status'],
  ...['restart web', 'stop bad', 'start none', 'signal HUP web@1', 'reset bad', 'scale web 2', 'wait web --timeout 1s'],
];

for (const [what, isKept] of [
  ['every text of an answer', () => false],
  ['texts that are only shown', (key: string) => KEPT.has(key)],
] as const) {
  test(`control characters in ${what} are made visible`, async () => {
    await using opsd = await startOpsd({ config: CONFIG });
    await using evil = await impostorOf(opsd, isKept);
    await opsd.until('web@1', 'running');
    for (const command of COMMANDS) {
      const { stdout, stderr } = await opsd.ctl(...command.split(' '), '--socket', evil.path);
      const text = stdout + stderr;
      assert.doesNotMatch(text, UNSAFE, `opsd ctl ${command} says ${JSON.stringify(text)}`);
    }
  });
}

/** Answers as opsd does, with more in each text. */
async function impostorOf(opsd: Opsd, isKept: (key: string) => boolean) {
  const spoilt = (_key: string, value: unknown) =>
    typeof value === 'string' && !isKept(_key) ? `${value}${EVIL}` : value;
  const respoken = (text: string) =>
    text.replace(/^(data: )?(\{.*\})$/gms, (whole, before = '', json) => {
      try {
        return before + JSON.stringify(JSON.parse(json, spoilt));
      } catch {
        return whole;
      }
    });
  const server = createServer((asked, reply) => {
    const { method, url, headers } = asked;
    const up = request({ socketPath: join(opsd.run, 'opsd.sock'), method, path: url, headers }, (answer) => {
      reply.writeHead(answer.statusCode ?? 500, withoutLength(answer));
      answer.setEncoding('utf8').on('data', (text: string) => reply.write(respoken(text)));
      answer.on('end', () => reply.end());
    });
    up.on('error', () => reply.destroy());
    reply.on('close', () => up.destroy());
    asked.pipe(up);
  });
  const path = join(opsd.dir, 'evil.sock');
  server.listen(path);
  await once(server, 'listening');
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function withoutLength({ headers }: IncomingMessage) {
  return { 'content-type': headers['content-type'] ?? 'text/plain' };
}
