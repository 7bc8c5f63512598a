// before_start and after_stop with real processes under the real loop: what they hold up, and that nothing of them is left.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Survivor } from '../../../src/core/adoption/adopt.ts';
import { adopt } from '../../../src/core/adoption/adopt.ts';
import type { Effect, Transition } from '../../../src/core/model/effects.ts';
import type { Hook, Policy, ServiceSpec } from '../../../src/core/model/spec.ts';
import { stepOfName } from '../../../src/os/proc/hook-name.ts';
import { Loop } from '../../../src/runtime/loop.ts';
import { type EffectObserver, perform } from '../../../src/runtime/perform.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { aConfig } from '../../simulation/specs.ts';
import { waitFor } from '../../support/wait.ts';
import { type Rig, rig, shell } from '../rig.ts';

interface Hooks {
  readonly before?: string;
  readonly after?: string;
  readonly timeout?: number;
}

function withHooks(script: string, { before, after, timeout = 10_000 }: Hooks): ServiceSpec {
  const spec = shell(script);
  const hook = (text: string | undefined): Hook | null =>
    text === undefined ? null : { command: ['sh', '-c', text], timeout };
  const policy: Policy = {
    ...spec.policy,
    restart: 'never',
    stopTimeout: 10_000,
    beforeStart: hook(before),
    afterStop: hook(after),
  };
  return { ...spec, policy };
}

interface Supervised extends AsyncDisposable {
  readonly r: Rig;
  readonly loop: Loop;
  readonly transitions: readonly Transition[];
  readonly log: readonly string[];
  /** `starting>exited` */
  arrows(): readonly string[];
  until(state: Transition['to']): Promise<Transition>;
}

/** Supervises one service, `web`; after another rig as the next opsd does. */
async function supervise(spec: ServiceSpec, after?: Rig): Promise<Supervised> {
  const transitions: Transition[] = [];
  const log: string[] = [];
  const r = await rig({ hear: (event) => loop.post(event), ...(after ? { after } : {}) });
  const nothing = () => {};
  const audience: EffectObserver = {
    ...{ taken: nothing, refused: nothing, answer: nothing, alert: nothing, rollout: nothing, health: nothing },
    ...{ skipped: nothing, missed: nothing, recovered: nothing, settings: nothing, exit: nothing },
    transition: (transition) => transitions.push(transition),
    afterStopFailed: (_service, _generation, detail) => log.push(detail),
  };
  const ports = {
    processes: r.processes,
    pidFiles: { write: nothing, remove: nothing },
    heartbeats: { begin: nothing, check: nothing },
    probes: { ask: nothing },
    outputs: {
      open: () => ({ stdout: 'ignore', stderr: 'ignore', close: nothing }) as const,
      endOfGeneration: nothing,
      settings: nothing,
    },
  };
  const carryOut = (effects: readonly Effect[]) => {
    for (const effect of effects) perform(effect, ports, audience);
  };
  const found = after === undefined ? [] : r.discover().found;
  const survivors = found.flatMap(({ service, generation, main }): Survivor[] => {
    const whose = stepOfName(service);
    return whose === null ? [] : [{ ...whose, generation, pid: main?.identity.pid ?? null, startedAt: 0 }];
  });
  const config = aConfig([spec]);
  const { state, effects } = adopt(config, { saved: [], survivors }, () => '', 1, systemClock.now());
  const loop: Loop = new Loop(state, systemClock);
  for (const one of found) r.processes.adopt(one, spec);
  carryOut(effects);
  loop.post({ type: 'configured', config, isFirst: true });
  loop.begin({ perform: (_event, done) => carryOut(done), onIdle: nothing });
  return {
    r,
    loop,
    transitions,
    log,
    arrows: () => transitions.map(({ from, to }) => `${from}>${to}`),
    until: (to) => waitFor(`web to be ${to}`, () => transitions.find((one) => one.to === to)),
    async [Symbol.asyncDispose]() {
      loop[Symbol.dispose]();
      await r[Symbol.asyncDispose]();
    },
  };
}

function stop({ loop }: Supervised): void {
  loop.post({ type: 'order', id: 1, action: 'stop', services: ['web'], cascade: false, by: 'test' });
}

const UNTIL_KILLED = 'setsid sleep 60 & sleep 60 & wait';

test('before_start runs to its end before the service, as it is run itself', async () => {
  const spec = withHooks('echo service', { before: 'sleep 0.1; echo "hook of $OPSD_SERVICE in $PWD"' });
  await using it = await supervise(spec);
  await it.until('exited');
  assert.equal(await it.r.output(), 'hook of web in /\nservice\n');
  assert.deepEqual(it.arrows(), ['stopped>starting', 'starting>running', 'running>exited']);
});

test('a before_start that fails is a failed start that names it without its arguments, and the service is not started', async () => {
  await using it = await supervise(withHooks('echo service', { before: 'exit 3' }));
  const { detail, reason } = await it.until('exited');
  assert.deepEqual([reason, detail], ['spawn_failed', 'before_start (sh) failed: exit code 3']);
  assert.equal(await it.r.output(), '');
  assert.deepEqual(it.arrows(), ['stopped>starting', 'starting>exited']);
});

test('a before_start that cannot be started fails for good', async () => {
  const spec = withHooks('echo service', {});
  const hook: Hook = { command: ['/no/such/program'], timeout: 1_000 };
  await using it = await supervise({ ...spec, policy: { ...spec.policy, beforeStart: hook } });
  const { detail } = await it.until('failed');
  assert.match(detail, /^before_start \(\/no\/such\/program\): .*does not exist/);
});

test('at its timeout a hook is killed with all its children, those that left its group too', async () => {
  await using it = await supervise(withHooks('echo service', { before: UNTIL_KILLED, timeout: 200 }));
  const { detail } = await it.until('exited');
  assert.match(detail, /^before_start \(sh\) was killed: it did not end within 200ms$/);
  assert.deepEqual(it.r.alive(), []);
});

test('what a hook leaves in the background is ended before the service starts', async () => {
  await using it = await supervise(withHooks('echo service; sleep 60', { before: 'setsid sleep 60 & echo hook' }));
  await it.until('running');
  await waitFor('the service', async () => (await it.r.output()) === 'hook\nservice\n');
  assert.deepEqual(new Set(it.r.discover().found.map(({ service }) => service)), new Set(['web']));
});

test('a stop during before_start ends it at once', async () => {
  const spec = withHooks('echo service', { before: `echo begun; ${UNTIL_KILLED}`, timeout: 60_000 });
  await using it = await supervise(spec);
  await waitFor('the hook', async () => existsSync(join(it.r.dir, 'out')) && (await it.r.output()).includes('begun'));
  stop(it);
  await it.until('stopped');
  assert.deepEqual(it.r.alive(), []);
  assert.doesNotMatch(await it.r.output(), /service/);
});

test('after_stop runs when the tree is empty; only then the generation is over', async () => {
  // The child is born with SIGTERM ignored: a trap of its own might come after the signal.
  const script = 'trap "" TERM; (sleep 0.3; echo child) & trap - TERM; echo main';
  await using it = await supervise(withHooks(script, { after: 'echo hook' }));
  await it.until('exited');
  assert.equal(await it.r.output(), 'main\nchild\nhook\n');
  assert.deepEqual(it.arrows(), ['stopped>starting', 'starting>running', 'running>stopping', 'stopping>exited']);
});

test('while after_stop runs, the end of the main process is known already', async () => {
  const spec = withHooks('exit 5', { after: 'sleep 60' });
  await using it = await supervise({ ...spec, policy: { ...spec.policy, stopTimeout: 300 } });
  const { exit, detail } = await it.until('stopping');
  assert.deepEqual([exit?.code, detail], [5, 'exit code 5; after_stop runs']);
  await it.until('exited');
  assert.deepEqual(it.r.alive(), []);
  assert.deepEqual(it.log, ['after_stop (sh) was killed: the time to stop was over']);
});

test('an after_stop that fails is told in the log, and changes nothing', async () => {
  await using it = await supervise(withHooks('exit 0', { after: 'exit 9' }));
  const { reason } = await it.until('exited');
  assert.equal(reason, 'success');
  assert.deepEqual(it.log, ['after_stop (sh) failed: exit code 9']);
});

test('after_stop follows a before_start that failed, too', async () => {
  await using it = await supervise(withHooks('echo service', { before: 'echo before; exit 1', after: 'echo after' }));
  await it.until('exited');
  assert.equal(await it.r.output(), 'before\nafter\n');
});

test('nothing starts beside a hook that an earlier opsd began', async () => {
  const spec = withHooks('echo service; sleep 60', { before: 'echo begun; sleep 60', timeout: 60_000 });
  await using it = await supervise(spec);
  await waitFor('the hook', async () => existsSync(join(it.r.dir, 'out')) && (await it.r.output()) === 'begun\n');
  it.loop[Symbol.dispose]();
  await it.r.processes[Symbol.asyncDispose]();
  const [found, ...others] = it.r.discover().found;
  assert.deepEqual([found?.service, others], ['web@before_start', []]);
  await using next = await supervise(withHooks('echo service; sleep 60', { before: 'echo again' }), it.r);
  await next.until('running');
  await waitFor('the service', async () => (await next.r.output()) === 'begun\nagain\nservice\n');
  assert.ok(next.r.discover().found.every(({ service }) => service === 'web'));
});
