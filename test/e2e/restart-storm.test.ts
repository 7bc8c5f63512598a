// Edge case 47: thirty services whose health hangs on one thing do not go down together when that goes bad.

import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const SERVICES = 30;
const AT_ONCE = 3;

test('a shared dependency that goes bad takes a few down at a time, never all, and all are well again', async () => {
  const names = Array.from({ length: SERVICES }, (_, i) => `s${i}`);
  const config = `
[daemon]
start_concurrency = ${AT_ONCE}
[defaults]
command = ["sleep", "1000"]
health = { exec = ["test", "-e", "shared"], interval = "300ms", failures = 2 }
max_failures = 1000
${names.map((name) => `[services.${name}]`).join('\n')}
`;
  await using it = await startOpsd({ config, files: { shared: '' } });
  // From the PID files, as a stranger would: how many are up at this moment?
  const up = () =>
    names.map((name) => pidIn(join(it.run, `${name}.pid`))).filter((pid) => pid > 0 && isAlive(pid)).length;
  await waitFor('all of them', () => up() === SERVICES, 20_000);

  rmSync(join(it.dir, 'shared'));
  let least = SERVICES;
  const goneBad = performance.now();
  const restarted = () => it.log().then((log) => new Set(log.match(/(?<=state service=)\w+(?=.* reason=unhealthy)/g)));
  // Each has been found bad several times over by then: without a cap all of them were down after a second.
  await waitFor(
    'four seconds of it, and a third of them restarted',
    async () => {
      least = Math.min(least, up());
      return performance.now() - goneBad > 4_000 && (await restarted()).size >= SERVICES / 3;
    },
    20_000,
  );
  assert.ok(least >= SERVICES - AT_ONCE, `only ${least} of ${SERVICES} were up at once`);
  assert.ok(least < SERVICES, 'none was ever down');

  await it.write('shared', '');
  await waitFor('all of them again', () => up() === SERVICES, 20_000);
  const { stdout } = await it.ctl('status', '--json');
  const states: readonly { state: string }[] = JSON.parse(stdout).services;
  assert.ok(
    states.every(({ state }) => state === 'running' || state === 'backoff'),
    stdout,
  );
});

/** 0: there is no such file, or not any more. */
function pidIn(path: string): number {
  try {
    return Number(readFileSync(path, 'utf8'));
  } catch {
    return 0;
  }
}
