// before_start and after_stop: when they run, what they hold up, and that nothing of them is left.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../src/core/model/events.ts';
import type { Hook, ServiceSpec } from '../../src/core/model/spec.ts';
import { HookedProcesses } from '../../src/os/processes/hooked-processes.ts';
import { waitFor } from '../support/wait.ts';
import { type Rig, rig, shell } from './rig.ts';

interface Hooks {
  readonly before?: string;
  readonly after?: string;
  readonly timeout?: number;
}

function withHooks(script: string, { before, after, timeout = 10_000 }: Hooks): ServiceSpec {
  const spec = shell(script);
  const hook = (text: string | undefined): Hook | null =>
    text === undefined ? null : { command: ['sh', '-c', text], timeout };
  return { ...spec, policy: { ...spec.policy, beforeStart: hook(before), afterStop: hook(after) } };
}

interface Hooked extends AsyncDisposable {
  readonly r: Rig;
  readonly hooked: HookedProcesses;
  /** What the core hears. */
  readonly told: readonly Event[];
  readonly log: readonly string[];
  types(): readonly string[];
  heard(type: Event['type']): Promise<Event>;
}

async function hookedRig(spec: () => ServiceSpec, after?: Rig): Promise<Hooked> {
  const told: Event[] = [];
  const log: string[] = [];
  const r = await rig({ hear: (event) => hooked.hear(event), ...(after ? { after } : {}) });
  const hooked: HookedProcesses = new HookedProcesses({
    processes: r.processes,
    report: (event) => told.push(event),
    specOf: spec,
    log: (line) => log.push(line),
  });
  return {
    r,
    hooked,
    told,
    log,
    types: () => told.map(({ type }) => type),
    heard: (type) => waitFor(`news of ${type}`, () => told.find((event) => event.type === type)),
    async [Symbol.asyncDispose]() {
      hooked[Symbol.dispose]();
      await r[Symbol.asyncDispose]();
    },
  };
}

/** Starts generation 1 of `web` with these hooks. */
async function started(script: string, hooks: Hooks): Promise<Hooked> {
  const spec = withHooks(script, hooks);
  const it = await hookedRig(() => spec);
  it.hooked.spawn('web', 1, spec);
  return it;
}

const UNTIL_KILLED = 'setsid sleep 60 & sleep 60 & wait';

test('before_start runs to its end before the service, as it is run itself', async () => {
  await using it = await started('echo service', { before: 'sleep 0.1; echo "hook of $OPSD_SERVICE in $PWD"' });
  await it.heard('exited');
  assert.equal(await it.r.output(), 'hook of web in /\nservice\n');
  assert.deepEqual(it.types(), ['spawned', 'exited']);
});

test('a before_start that fails is a failed start that names it, and the service is not started', async () => {
  await using it = await started('echo service', { before: 'exit 3' });
  assert.deepEqual(await it.heard('spawn_failed'), {
    type: 'spawn_failed',
    service: 'web',
    generation: 1,
    kind: 'failure',
    message: 'before_start (sh) failed: exit code 3',
  });
  assert.equal(await it.r.output(), '');
  assert.deepEqual(it.types(), ['spawn_failed']);
});

test('a before_start that cannot be started fails for good', async () => {
  const spec = withHooks('echo service', {});
  const hook: Hook = { command: ['/no/such/program'], timeout: 1_000 };
  const missing = { ...spec, policy: { ...spec.policy, beforeStart: hook } };
  await using it = await hookedRig(() => missing);
  it.hooked.spawn('web', 1, missing);
  const failed = await it.heard('spawn_failed');
  assert.ok(failed.type === 'spawn_failed' && failed.kind === 'permanent');
  assert.match(failed.message, /^before_start \(\/no\/such\/program\): .*does not exist/);
});

test('at its timeout a hook is killed with all its children, those that left its group too', async () => {
  await using it = await started('echo service', { before: UNTIL_KILLED, timeout: 200 });
  const failed = await it.heard('spawn_failed');
  assert.ok(failed.type === 'spawn_failed');
  assert.match(failed.message, /^before_start \(.*\) was killed: it did not end within 200 ms$/);
  assert.deepEqual(it.r.alive(), []);
});

test('what a hook leaves in the background is ended before the service starts', async () => {
  await using it = await started('echo service; sleep 60', { before: 'setsid sleep 60 & echo hook' });
  await it.heard('spawned');
  await waitFor('the service', async () => (await it.r.output()) === 'hook\nservice\n');
  assert.deepEqual(new Set(it.r.census().found.map(({ service }) => service)), new Set(['web']));
});

test('a stop during before_start ends it at once', async () => {
  await using it = await started('echo service', { before: `echo begun; ${UNTIL_KILLED}`, timeout: 60_000 });
  await waitFor('the hook', async () => existsSync(join(it.r.dir, 'out')) && (await it.r.output()).includes('begun'));
  it.hooked.signal('web', 1, 'SIGTERM', 'main');
  const failed = await it.heard('spawn_failed');
  assert.ok(failed.type === 'spawn_failed');
  assert.match(failed.message, /was killed: it was stopped meanwhile/);
  assert.deepEqual(it.r.alive(), []);
  assert.doesNotMatch(await it.r.output(), /service/);
});

test('after_stop runs when the tree is empty; only then the generation is over', async () => {
  await using it = await started('(trap "" TERM; sleep 0.3; echo child) & echo main', { after: 'echo hook' });
  await it.heard('emptied');
  assert.equal(await it.r.output(), 'main\nchild\nhook\n');
  assert.deepEqual(it.types(), ['spawned', 'exited', 'emptied']);
});

test('while after_stop runs, the end of the main process is known already', async () => {
  await using it = await started('exit 5', { after: 'sleep 60' });
  const exited = await it.heard('exited');
  assert.ok(exited.type === 'exited');
  assert.deepEqual([exited.exit.code, exited.left], [5, 1]);
  it.hooked.kill('web', 1);
  await it.heard('emptied');
  assert.deepEqual(it.r.alive(), []);
  assert.match(it.log.join(), /after_stop \(sh\) was killed: the time to stop was over/);
});

test('an after_stop that fails is told in the log, and changes nothing', async () => {
  await using it = await started('exit 0', { after: 'exit 9' });
  await it.heard('emptied');
  assert.deepEqual(it.log, ['service web, generation 1: after_stop (sh) failed: exit code 9']);
});

test('after_stop follows a before_start that failed, too', async () => {
  await using it = await started('echo service', { before: 'echo before; exit 1', after: 'echo after' });
  await it.heard('spawn_failed');
  assert.equal(await it.r.output(), 'before\nafter\n');
});

test('nothing starts beside a hook that an earlier opsd began', async () => {
  const spec = withHooks('echo service; sleep 60', { before: 'echo begun; sleep 60' });
  await using it = await hookedRig(() => spec);
  it.hooked.spawn('web', 1, spec);
  await waitFor('the hook', async () => existsSync(join(it.r.dir, 'out')) && (await it.r.output()) === 'begun\n');
  await it.r.processes[Symbol.asyncDispose]();
  const quick = withHooks('echo service; sleep 60', { before: 'echo again' });
  await using next = await hookedRig(() => quick, it.r);
  const [found, ...others] = next.r.census().found;
  assert.ok(found);
  assert.deepEqual([found.service, others], ['web@before_start', []]);
  next.hooked.awaitLeftover('web', next.r.processes.endStray(found));
  next.hooked.spawn('web', 2, quick);
  await next.heard('spawned');
  await waitFor('the service', async () => (await next.r.output()) === 'begun\nagain\nservice\n');
  assert.ok(next.r.census().found.every(({ service }) => service === 'web'));
});
