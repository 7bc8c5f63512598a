// The answer to a command for many services: each outcome is sent as soon as it is known.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../../api/control.ts';

/** Sends a JSON object per line, `{"service","outcome"}`, then `{"done":true}`: without that the answer is incomplete. */
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
    for (const { service } of answers) say({ service, outcome: { ok: true, message: 'accepted; not waited for' } });
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
 * The user that a command came from, for the log. Node cannot ask the kernel for the peer of a unix socket
 * (SO_PEERCRED), so this is what the client claims. The mode of the socket decides who may give commands.
 */
export function claimedIdentity(request: IncomingMessage): string {
  const header = request.headers['x-opsd-user'];
  const claim = typeof header === 'string' && /^[\w.@ ()=-]{1,80}$/.test(header) ? header : null;
  return claim === null ? 'somebody on the control socket' : `ctl, who claims to be ${claim}`;
}
