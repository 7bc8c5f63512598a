// A service that floods its log while opsd waits for its line of readiness: no turn of the loop is long.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import type { LongestTurn } from './turn-meter.ts';

/** Milliseconds; systemd's watchdog waits for seconds, a health probe may for one. */
const LONGEST_TURN = 100;
const SOCKET = 'turns.sock';
const METER = join(import.meta.dirname, 'turn-meter.ts');
const FLOODS: Readonly<Record<string, string>> = {
  newlines: `yes "" | head -c 1048576`,
  'carriage returns': `yes "$(printf '\\r')" | head -c 1048576`,
  colours: `yes "$(printf '\\033[1mx')" | head -c 1048576`,
  words: 'yes no | head -c 1048576',
};

test('a mebibyte of short lines, from three services at once, keeps the loop free, and the line behind it is found', async (t) => {
  const services = Object.entries(FLOODS).flatMap(([what, flood]) =>
    [1, 2, 3].map(
      (n) => `
[services.${what.replace(' ', '-')}-${n}]
command = ["sh", "-c", '''until [ -e go-${what.replace(' ', '-')} ]; do sleep 0.05; done; ${flood}; echo; echo up; exec sleep 1000''']
ready = { on = "log", pattern = "^up$", timeout = "120s" }
`,
    ),
  );
  await using opsd = await startOpsd({
    config: services.join(''),
    env: { NODE_OPTIONS: `--import=${METER}`, OPSD_TEST_TURNS: SOCKET },
  });
  for (const what of Object.keys(FLOODS)) {
    const name = what.replace(' ', '-');
    await opsd.until(`${name}-1`, 'starting');
    await longestTurn(opsd.dir);
    await opsd.write(`go-${name}`, '');
    for (const n of [1, 2, 3]) await opsd.until(`${name}-${n}`, 'running', 60_000);
    const { cpu, wall } = await longestTurn(opsd.dir);
    t.diagnostic(`${what}: ${cpu.toFixed(0)} ms of CPU, ${wall.toFixed(0)} ms`);
    assert.ok(cpu < LONGEST_TURN, `${what}: ${cpu} ms of CPU`);
  }
});

async function longestTurn(dir: string): Promise<LongestTurn> {
  return JSON.parse(await text(connect(join(dir, SOCKET))));
}
