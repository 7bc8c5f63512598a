// Another user of the host fills /proc: opsd looks at it in pieces, and not at what cannot be of a service.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { Measured } from '../fuzz/loop-meter.ts';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { mallory, needsRoot, type User, victim } from '../support/second-user.ts';
import { waitFor } from '../support/wait.ts';

/** Milliseconds; systemd's watchdog waits for seconds, a health probe may for one. */
const LONGEST_TURN = 100;
const CROWD = 250;
/** Just below what the kernel lets an exec carry with the usual 8 MiB of stack. */
const ENVIRONMENT = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`A${at}`, 'x'.repeat(130_000)]));
const FORKS = `i=0; while [ $i -lt ${CROWD} ]; do sleep 1000 & i=$((i+1)); done; echo ready; wait`;

/** 250 processes with 2 MB of environment each. */
async function crowd({ uid, gid }: User, dir: string): Promise<AsyncDisposable> {
  const command = ['--clear-groups', '--', 'sh', '-c', FORKS];
  const child = spawn('setpriv', [`--reuid=${uid}`, `--regid=${gid}`, ...command], {
    cwd: dir,
    detached: true,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: '/usr/bin:/bin', ...ENVIRONMENT },
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return {
    async [Symbol.asyncDispose]() {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
      await ended;
    },
  };
}

async function measured(socket: string): Promise<Measured> {
  return JSON.parse(await text(connect(socket)));
}

const SERVICES = `
[defaults]
backoff = { initial = "20ms", max = "20ms" }
[services.web]
command = ["sleep", "1000"]
user = "${victim.name}"
cwd = "/"
limits = { memory = "512M" }
[services.db]
command = ["sh", "-c", "sleep 1000 & wait"]
limits = { memory = "512M" }
[services.hog]
command = ["sh", "-c", "x=$(head -c 8000000 /dev/zero | tr '\\\\0' x); sleep 1000 & wait"]
limits = { memory = "1M" }
`;

/** The longest turn while services are restarted, and until their memory was looked at. */
async function longestTurn(config: string, begin: (opsd: Opsd) => Promise<AsyncDisposable | null>): Promise<Measured> {
  const meter = 'meter.sock';
  const preload = new URL('../fuzz/loop-meter.ts', import.meta.url).pathname;
  await using opsd = await startOpsd({
    config,
    env: { NODE_OPTIONS: `--import=${preload}`, OPSD_METER: meter },
  });
  const measure = () => measured(join(opsd.dir, meter));
  await using _crowd = await begin(opsd);
  for (const service of ['web', 'db', 'hog']) await opsd.until(service, 'running');
  const outgrown = async () =>
    (await opsd.changes('hog')).filter((change) => change === 'running>stopping memory_limit').length;
  const before = await outgrown();
  await waitFor('the meter in opsd', () => measure().catch(() => null));
  for (const service of ['web', 'db', 'web', 'db']) await opsd.order('restart', service);
  await waitFor('a look at the memory of services', async () => (await outgrown()) > before, 20_000);
  return await measure();
}

describe('250 processes with 2 MB of environment', { skip: needsRoot }, () => {
  for (const [whose, user] of [
    ['a user as whom nothing runs', mallory],
    ['the user of a service', victim],
  ] as const) {
    test(`of ${whose}: no turn of the loop is long`, async (t) => {
      const { longestTurn: turn, longestWork: work } = await longestTurn(SERVICES, ({ dir }) => crowd(user, dir));
      t.diagnostic(`longest turn: ${turn.toFixed(0)} ms, ${work.toFixed(0)} ms of CPU`);
      assert.ok(work < LONGEST_TURN, `${work} ms of CPU`);
    });
  }

  test('of a service itself: no turn of the loop is long', async (t) => {
    const env = Object.entries(ENVIRONMENT).map(([name, value]) => `${name} = "${value}"`);
    const heavy = `
[services.heavy]
command = ["sh", "-c", '${FORKS}']
user = "${victim.name}"
cwd = "/"
env = { ${env.join(', ')} }
limits = { memory = "4G" }
`;
    const { longestTurn: turn, longestWork: work } = await longestTurn(SERVICES + heavy, async (opsd) => {
      await waitFor('its processes', async () => (await opsd.output('heavy')) === 'ready\n', 20_000);
      return null;
    });
    t.diagnostic(`longest turn: ${turn.toFixed(0)} ms, ${work.toFixed(0)} ms of CPU`);
    assert.ok(work < LONGEST_TURN, `${work} ms of CPU`);
  });
});
