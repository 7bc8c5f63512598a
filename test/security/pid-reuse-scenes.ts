// Played in a PID namespace by pid-reuse.test.ts: the number of something that opsd has ended goes to a stranger.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventHook } from '../../src/core/model/config.ts';
import { limitOf } from '../../src/os/proc/descriptors.ts';
import { ProcessTable } from '../../src/os/proc/process-table.ts';
import { Leftovers } from '../../src/os/processes/leftovers.ts';
import { LaunchPlanner } from '../../src/os/spawn/launch-plan.ts';
import { loadPosixSpawner } from '../../src/os/spawn/posix-spawner.ts';
import { NO_SOCKETS } from '../../src/os/systemd/sockets.ts';
import { deliver } from '../../src/os/watch/event-hooks.ts';
import { ServiceProbes } from '../../src/os/watch/probes.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { end, rig, serviceSpec } from '../os/rig.ts';
import { startAs } from '../support/pid-namespace.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const [scene = '', dir = ''] = process.argv.slice(2);
const STRANGER = ['sleep', '1000'] as const;

/** A program that ends, and leaves one in a session of its own. Each says its number, the second when the first may end. */
const LEAVES = `setsid sh -c 'echo $$ >${dir}/left.pid; exec sleep 1000' & until [ -s ${dir}/left.pid ]; do :; done; echo $$ >${dir}/first.pid`;

/** A file that is made and not written yet has no number in it. */
const pidIn = (name: string) =>
  waitFor(name, () => existsSync(join(dir, name)) && Number(readFileSync(join(dir, name), 'utf8')) > 0).then(() =>
    Number(readFileSync(join(dir, name), 'utf8')),
  );

const table = new ProcessTable(dir, { isMain: () => false, isSession: () => false }, systemClock);
const leftovers = new Leftovers({
  clock: systemClock,
  table,
  log(line) {
    throw new Error(line);
  },
});

/** Returns what became of the stranger and of what was left. */
async function outcome(over: Promise<unknown>) {
  const first = await pidIn('first.pid');
  const stranger = await startAs(first, STRANGER);
  const left = await pidIn('left.pid');
  await over;
  await waitFor('the end of what was left', () => !isAlive(left));
  await leftovers[Symbol.asyncDispose]();
  return { strangerLives: isAlive(first) && stranger.signalCode === null };
}

async function ofHook() {
  const hook: EventHook = {
    name: 'pager',
    when: ['failed'],
    services: ['*'],
    timeout: 3_000,
    target: { kind: 'exec', command: ['sh', '-c', LEAVES] },
  };
  const message = { service: 'web', body: '', variables: {} };
  return await outcome(
    deliver(hook, message, new AbortController().signal, { runDir: dir, leftovers, clock: systemClock }),
  );
}

async function ofProbe() {
  using spawner = loadPosixSpawner();
  assert.ok(spawner !== null);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  using probes = new ServiceProbes({
    clock: systemClock,
    report: resolve,
    specOf: () => serviceSpec(['true']),
    planner: new LaunchPlanner({
      clock: systemClock,
      runDir: dir,
      cgroups: null,
      baseNofile: limitOf('self')?.soft ?? 1_024,
      sockets: NO_SOCKETS,
      log: () => {},
    }),
    leftovers,
    spawner,
    runDir: dir,
  });
  probes.ask('web', 1, { kind: 'exec', command: ['sh', '-c', LEAVES] }, 3_000);
  return await outcome(promise);
}

/** The main process of an adopted service ends; before anybody notices, its number leads another session, and is left again. */
async function ofAdopted() {
  await using first = await rig();
  const script = `OPSD_MARKER=1:web:${first.runDir} setsid sleep 1000 &`;
  await first.start(serviceSpec(['env', '-i', 'PATH=/usr/bin:/bin', 'sh', '-c', script]), 2);
  const found = await waitFor('the service', () => first.discover().found.find(({ generation }) => generation === 1));
  const main = found.main?.identity.pid ?? 0;
  first.processes.adopt(found, serviceSpec(['sleep', '1000']));
  end(main);
  await startAs(main, ['sh', '-c', `sleep 1000 & echo $! >${dir}/stranger.pid`]);
  const stranger = await pidIn('stranger.pid');
  const { left } = await first.event('exited', 1);
  first.processes.kill('web', 1);
  await waitFor('the leader to be gone', () => !isAlive(main));
  return { left, strangerLives: isAlive(stranger) };
}

const scenes: Record<string, () => Promise<object>> = { hook: ofHook, probe: ofProbe, adopted: ofAdopted };
const played = await scenes[scene]?.();
process.stdout.write(`${JSON.stringify(played ?? null)}\n`);
process.exit();
