// Orders to many services over one connection: each outcome is sent when it is known.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../../api/control.ts';

/** One JSON object a line, `{"service","outcome"}`, then `{"done":true}`; without it the answer is not whole. */
export function sendOutcomes(
  response: ServerResponse,
  answers: readonly Answer[],
  wait: boolean,
  whenDone: (failed: number) => void,
): void {
  response.writeHead(wait ? 200 : 202, { 'Content-Type': 'application/x-ndjson', 'Cache-Control': 'no-store' });
  response.flushHeaders();
  const say = (value: unknown) => response.write(`${JSON.stringify(value)}\n`);
  if (!wait) {
    for (const { service } of answers) say({ service, outcome: { ok: true, message: 'asked; not waited for' } });
    say({ done: true });
    response.end();
    return;
  }
  let failed = 0;
  const told = answers.map(async ({ service, outcome }) => {
    const result = await outcome;
    if (!result.ok) failed++;
    say({ service, outcome: result });
  });
  Promise.all(told).then(() => {
    say({ done: true });
    response.end();
    whenDone(failed);
  });
}

/**
 * Who gives an order. Node cannot ask the kernel for the peer of a unix socket (SO_PEERCRED), so this is what the client
 * says of itself. The mode of the socket is what decides who may.
 */
export function claimedIdentity(request: IncomingMessage): string {
  const header = request.headers['x-opsd-user'];
  const claim = typeof header === 'string' && /^[\w.@ ()=-]{1,80}$/.test(header) ? header : null;
  return claim === null ? 'somebody on the control socket' : `ctl, who claims to be ${claim}`;
}
