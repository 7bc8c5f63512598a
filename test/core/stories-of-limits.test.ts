// Stories of limits: how many may start at once, how long something may take, what is counted, and what is not.

import { test } from 'node:test';
import type { Schedule } from '../../src/core/model/spec.ts';
import { aService, readyOn } from '../simulation/specs.ts';
import { obedient, steady, stubborn, tells } from '../simulation/story.ts';

const slow = { ready: readyOn('delay', 30_000, { delay: 500 }) };
const onDb = [{ service: 'db', until: 'ready' as const }];

test('no more than start_concurrency start at once, though all that wait hear of it at the same moment', () => {
  tells(
    {
      services: [
        aService('db'),
        ...['a', 'b', 'c', 'd', 'e'].map((name) => aService(name, { ...slow, dependsOn: onDb })),
      ],
      child: obedient,
      acts: [],
      until: 5_000,
      concurrency: 2,
    },
    `
    0      db stopped → starting (enabled)
    0      a stopped → waiting (waits for db (starting))
    0      b stopped → waiting (waits for db (starting))
    0      c stopped → waiting (waits for db (starting))
    0      d stopped → waiting (waits for db (starting))
    0      e stopped → waiting (waits for db (starting))
    0      db starting → running (up and ready)
    0      a waiting → starting (dependencies ready)
    0      b waiting → starting (dependencies ready)
    500    a starting → running (up and ready)
    500    b starting → running (up and ready)
    500    c waiting → starting (dependencies ready)
    500    d waiting → starting (dependencies ready)
    1000   c starting → running (up and ready)
    1000   d starting → running (up and ready)
    1000   e waiting → starting (dependencies ready)
    1500   e starting → running (up and ready)`,
  );
});

test('who starts a service that has to wait for its turn is answered when it runs', () => {
  tells(
    {
      services: [aService('a', slow), aService('b', { enabled: false })],
      child: obedient,
      acts: [[100, (it) => it.order('start', 'b')]],
      until: 5_000,
      concurrency: 1,
    },
    `
    0      a stopped → starting (enabled)
    100    b stopped → waiting (waits for its turn (daemon.start_concurrency is 1))
    500    a starting → running (up and ready)
    500    b waiting → starting (dependencies ready)
    500    b starting → running (up and ready)
    500    b answer: ok, b is running`,
  );
});

test('what comes after another waits while that is restarted, and not while it is stopped', () => {
  tells(
    {
      services: [aService('db', slow), aService('web', { enabled: false, after: ['db'] })],
      child: obedient,
      acts: [
        [1_000, (it) => it.order('stop', 'db')],
        [1_050, (it) => it.order('start', 'web')],
        [2_000, (it) => it.order('stop', 'web')],
        [3_000, (it) => it.order('start', 'db')],
        [4_000, (it) => it.order('restart', 'db')],
        [4_050, (it) => it.order('start', 'web')],
      ],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    500    db starting → running (up and ready)
    1000   db running → stopping (stop by test)
    1000   db SIGTERM to its main
    1050   web stopped → starting (start by test)
    1050   web starting → running (up and ready)
    1050   web answer: ok, web is running
    1100   db stopping → stopped (stop by test)
    1100   db answer: ok, db is stopped
    2000   web running → stopping (stop by test)
    2000   web SIGTERM to its main
    2100   web stopping → stopped (stop by test)
    2100   web answer: ok, web is stopped
    3000   db stopped → starting (start by test)
    3500   db starting → running (up and ready)
    3500   db answer: ok, db is running
    4000   db running → stopping (restart by test)
    4000   db SIGTERM to its main
    4050   web stopped → waiting (waits for db (stopping))
    4100   db stopping → starting (restart by test)
    4600   db starting → running (up and ready)
    4600   db answer: ok, db is running
    4600   web waiting → starting (dependencies ready)
    4600   web starting → running (up and ready)
    4600   web answer: ok, web is running`,
  );
});

test('a shutdown takes no longer than shutdown_timeout, and what survives SIGKILL does not hold it up', () => {
  tells(
    {
      services: [aService('web', { stopTimeout: 60_000 }), aService('db', { stopTimeout: 60_000 })],
      child: (service) => (service === 'web' ? stubborn : { ...stubborn, diesAfter: null }),
      acts: [[1_000, (it) => it.post({ type: 'shutdown', by: 'SIGTERM' })]],
      until: 90_000,
      daemon: { shutdownTimeout: 20_000 },
    },
    `
    0      web stopped → starting (enabled)
    0      db stopped → starting (enabled)
    0      web starting → running (up and ready)
    0      db starting → running (up and ready)
    1000   web running → stopping (opsd is shutting down)
    1000   web SIGTERM to its main
    1000   db running → stopping (opsd is shutting down)
    1000   db SIGTERM to its main
    21000  web stopping → killing (the shutdown took longer than shutdown_timeout)
    21000  web SIGKILL to its tree
    21000  db stopping → killing (the shutdown took longer than shutdown_timeout)
    21000  db SIGKILL to its tree
    21005  web killing → stopped (stopped for the shutdown)
    26000  db SIGKILL to its tree
    26000  db CRITICAL pid 1001 survives SIGKILL for 5s (uninterruptible sleep?); db is not started beside it
    26000  opsd exits 2: not known to be gone after SIGKILL: db`,
  );
});

test('a host without room counts as no failure, and makes nobody forget one', () => {
  tells(
    {
      services: [aService('web', { ...steady, maxFailures: 1, retryFailed: 0 })],
      child: (_, generation) =>
        generation === 2 ? { ...obedient, spawn: 'transient' } : { ...obedient, ends: { after: 50, code: 1 } },
      acts: [],
      until: 9_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → backoff (exit code 1)
    150    web backoff → starting (backoff delay over)
    150    web starting → backoff (no spawn: transient)
    350    web backoff → starting (backoff delay over)
    350    web starting → running (up and ready)
    400    web running → failed (2 failures in a row, the last: exit code 1)
    400    web CRITICAL 2 failures in a row, the last: exit code 1`,
  );
});

test('a run that was queued is off when an operator stops the job', () => {
  const schedule: Schedule = { cron: '0 3 * * *', timezone: null, overlap: 'queue', randomDelay: 0, catchUp: false };
  tells(
    {
      services: [aService('job', { schedule, restart: 'never' })],
      child: { ...obedient, ends: { after: 3_000, code: 0 } },
      acts: [
        [1_000, (it) => it.post({ type: 'scheduled', service: 'job', isMissed: false })],
        [2_000, (it) => it.post({ type: 'scheduled', service: 'job', isMissed: false })],
        [2_500, (it) => it.order('stop', 'job')],
        [9_000, (it) => it.order('start', 'job')],
      ],
      until: 30_000,
    },
    `
    1000   job stopped → starting (scheduled (0 3 * * *))
    1000   job starting → running (up and ready)
    2500   job running → stopping (stop by test)
    2500   job SIGTERM to its main
    2600   job stopping → stopped (stop by test)
    2600   job answer: ok, job is stopped
    9000   job stopped → starting (start by test)
    9000   job starting → running (up and ready)
    9000   job answer: ok, job was started
    12000  job running → exited (exit code 0)`,
  );
});

test('a job with a timeout is left alone until then, whatever is looked at meanwhile', () => {
  tells(
    {
      services: [aService('job', { timeout: 10_000, restart: 'never', heartbeat: { timeout: 2_000, grace: 2_000 } })],
      child: { ...obedient, beats: { every: 500, silentAfter: 90_000 } },
      acts: [],
      until: 30_000,
    },
    `
    0      job stopped → starting (enabled)
    0      job starting → running (up and ready)
    10000  job running → stopping (still running after 10s (timeout))
    10000  job SIGTERM to its main
    10100  job stopping → exited (still running after 10s (timeout))`,
  );
});
