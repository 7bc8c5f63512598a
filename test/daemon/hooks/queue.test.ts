// A hook at work: in order, again when it may help, not twice, not too often, and never more than fits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventView } from '../../../src/api/events.ts';
import type { StateName } from '../../../src/core/model/states.ts';
import { type HookCounts, type HookLimits, HookQueue } from '../../../src/daemon/hooks/queue.ts';
import type { Delivery } from '../../../src/os/watch/event-hooks.ts';
import { Scheduler } from '../../simulation/scheduler.ts';

const LIMITS: HookLimits = {
  retries: [100, 200, 400, 800, 1_600],
  waiting: 3,
  window: 30_000,
  burst: 60,
  pace: 1_000,
};
const done: Delivery = { isDelivered: true, isTransient: false, detail: 'status 200' };
const refused: Delivery = { isDelivered: false, isTransient: true, detail: 'connect ECONNREFUSED' };
const wrong: Delivery = { isDelivered: false, isTransient: false, detail: 'status 404' };

function news(service: string, to: EventView['to']): EventView {
  return {
    id: 1,
    at: '2026-11-23T03:00:00.000Z',
    service,
    from: 'running',
    to,
    generation: 1,
    pid: null,
    reason: 'exit_code',
    detail: 'exit code 1',
    exit: { code: 1, signal: null },
    failures_in_a_row: 1,
    next_attempt_at: null,
  };
}

/** `answers`: to each attempt in turn; the last one to all others. */
function rig(limits: Partial<HookLimits>, ...answers: (Delivery | Promise<Delivery>)[]) {
  const scheduler = new Scheduler();
  const attempts: string[] = [];
  const times: number[] = [];
  const warnings: string[] = [];
  const counts: HookCounts = {
    sent: 0,
    failed: 0,
    dropped: { duplicate: 0, rate_limited: 0, queue_full: 0, shutdown: 0 },
  };
  const hook = {
    name: 'pager',
    when: ['failed' as const],
    services: ['*'],
    target: { kind: 'exec' as const, command: ['x'] as const },
    timeout: 1_000,
  };
  const outside = {
    clock: scheduler.clock,
    async deliver(_: unknown, { variables }: { variables: Readonly<Record<string, string>> }, aborted: AbortSignal) {
      times.push(scheduler.now);
      attempts.push(`${variables.OPSD_SERVICE} ${variables.OPSD_WHEN}`);
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? done;
      const end = new Promise<Delivery>((resolve) => aborted.addEventListener('abort', () => resolve(wrong)));
      return Promise.race([answer, end]);
    },
    warn: (message: string, fields: object) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
  };
  const queue = new HookQueue(hook, outside, counts, { ...LIMITS, ...limits });
  return {
    scheduler,
    attempts,
    times,
    warnings,
    counts,
    tell: (service: string, occasion: StateName) => queue.tell(occasion, news(service, occasion)),
    until: (what: string, probe: () => boolean) => scheduler.until(what, probe),
    [Symbol.dispose]: () => queue[Symbol.dispose](),
  };
}

test('what is told in the middle of something is delivered afterwards, in order', async () => {
  using hook = rig({}, done);
  hook.tell('web', 'failed');
  hook.tell('db', 'failed');
  assert.deepEqual(hook.attempts, []);
  await hook.until('both', () => hook.counts.sent === 2);
  assert.deepEqual(hook.attempts, ['web failed', 'db failed']);
});

test('what may pass is tried six times, then given up and told', async () => {
  using hook = rig({}, refused);
  hook.tell('web', 'failed');
  await hook.until('the failure', () => hook.counts.failed === 1);
  assert.equal(hook.attempts.length, 6);
  assert.deepEqual(hook.times, [0, 100, 300, 700, 1_500, 3_100]);
  assert.match(hook.warnings[0] ?? '', /event hook failed .*"hook":"pager","service":"web".*ECONNREFUSED.*"tries":6/);
});

test('what passes in time is no failure', async () => {
  using hook = rig({}, refused, refused, done);
  hook.tell('web', 'failed');
  await hook.until('the delivery', () => hook.counts.sent === 1);
  assert.deepEqual([hook.attempts.length, hook.counts.failed, hook.warnings], [3, 0, []]);
});

test('what will not pass is tried once', async () => {
  using hook = rig({}, wrong);
  hook.tell('web', 'failed');
  await hook.until('the failure', () => hook.counts.failed === 1);
  assert.equal(hook.attempts.length, 1);
});

test('the same of the same service is said once in a while', async () => {
  using hook = rig({}, done);
  for (let times = 0; times < 5; times += 1) hook.tell('web', 'failed');
  hook.tell('db', 'failed');
  await hook.until('both', () => hook.counts.sent === 2);
  assert.deepEqual(hook.attempts, ['web failed', 'db failed']);
  assert.equal(hook.counts.dropped.duplicate, 4);
});

test('the last word is said when the time is over, lest the receiver believes the one before', async () => {
  using hook = rig({ waiting: 10 }, done);
  hook.tell('web', 'failed');
  hook.tell('web', 'running');
  hook.tell('web', 'failed');
  await hook.until('the last word', () => hook.counts.sent === 3);
  assert.deepEqual(hook.attempts, ['web failed', 'web running', 'web failed']);
  assert.deepEqual(hook.times, [0, 0, 30_000]);
});

test('of a service that flaps the receiver learns the first, and how it ended', async () => {
  using hook = rig({ waiting: 10 }, done);
  for (let times = 0; times < 20; times += 1) {
    hook.tell('web', 'backoff');
    hook.tell('web', 'running');
  }
  await hook.until('two', () => hook.counts.sent === 2);
  assert.deepEqual(hook.attempts, ['web backoff', 'web running']);
});

test('a receiver that hangs: a few wait, the others are dropped and counted', async () => {
  using hook = rig({ waiting: 3 }, new Promise<Delivery>(() => {}));
  hook.tell('s0', 'failed');
  await hook.until('the first attempt', () => hook.attempts.length === 1);
  for (let n = 1; n <= 10; n += 1) hook.tell(`s${n}`, 'failed');
  assert.equal(hook.counts.dropped.queue_full, 7);
  hook[Symbol.dispose]();
  await hook.until('the end', () => hook.counts.dropped.shutdown === 4);
});

test('more than a burst is dropped and counted', async () => {
  using hook = rig({ burst: 5, waiting: 100 }, done);
  for (let n = 0; n < 20; n += 1) hook.tell(`s${n}`, 'failed');
  await hook.until('the burst', () => hook.counts.sent === 5);
  assert.equal(hook.counts.dropped.rate_limited, 15);
  await hook.scheduler.pass(2_500);
  for (let n = 20; n < 25; n += 1) hook.tell(`s${n}`, 'failed');
  await hook.until('two more', () => hook.counts.sent === 7);
  assert.equal(hook.counts.dropped.rate_limited, 18);
});
