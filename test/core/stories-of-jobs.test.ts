// Stories of dependencies that are started anew, of jobs, and of daemons that end with their services.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Schedule } from '../../src/core/model/spec.ts';
import { aService } from '../simulation/specs.ts';
import { type Act, crashing, obedient, steady, tells } from '../simulation/story.ts';

const nightly: Schedule = { cron: '0 3 * * *', timezone: null, overlap: 'skip', randomDelay: 0, catchUp: false };
const onDb = [{ service: 'db', until: 'ready' as const }];

const WAITS = 'waits for middle, which waits for migrate (exited)';

test('a dependent that asks for it is started anew with what it depends on; another is kept', () => {
  tells(
    {
      services: [
        aService('db'),
        aService('web', { dependsOn: onDb, onDependencyRestart: 'restart' }),
        aService('api', { dependsOn: onDb }),
      ],
      child: obedient,
      acts: [[1_000, (it) => it.order('restart', 'db')]],
      until: 5_000,
    },
    `
    0      db stopped → starting (enabled)
    0      web stopped → waiting (waits for db (starting))
    0      api stopped → waiting (waits for db (starting))
    0      db starting → running (up and ready)
    0      web waiting → starting (dependencies ready)
    0      api waiting → starting (dependencies ready)
    0      web starting → running (up and ready)
    0      api starting → running (up and ready)
    1000   db running → stopping (restart by test)
    1000   db SIGTERM to its main
    1100   db stopping → starting (restart by test)
    1100   db starting → running (up and ready)
    1100   db answer: ok, db is running
    1100   web running → stopping (db, which it depends on, was restarted)
    1100   web SIGTERM to its main
    1200   web stopping → starting (db, which it depends on, was restarted)
    1200   web starting → running (up and ready)`,
  );
});

test('a job is not started at boot but by the clock, and not twice at a time', () => {
  tells(
    {
      services: [aService('backup', { schedule: nightly, restart: 'never' })],
      child: { ...obedient, ends: { after: 3_000, code: 0 } },
      acts: [
        [1_000, (it) => it.post({ type: 'scheduled', service: 'backup', isMissed: false })],
        [2_000, (it) => it.post({ type: 'scheduled', service: 'backup', isMissed: false })],
        [9_000, (it) => it.post({ type: 'scheduled', service: 'backup', isMissed: false })],
      ],
      until: 20_000,
    },
    `
    1000   backup stopped → starting (scheduled (0 3 * * *))
    1000   backup starting → running (up and ready)
    4000   backup running → exited (exit code 0)
    9000   backup exited → starting (scheduled (0 3 * * *))
    9000   backup starting → running (up and ready)
    12000  backup running → exited (exit code 0)`,
  );
});

test('a job whose time comes while it runs may be queued, or take the place of the one that runs', () => {
  const acts = [1_000, 2_000, 2_500].map(
    (at): Act => [at, (it) => it.post({ type: 'scheduled', service: 'job', isMissed: false })],
  );
  const child = { ...obedient, ends: { after: 3_000, code: 0 } };
  tells(
    {
      services: [aService('job', { schedule: { ...nightly, overlap: 'queue' }, restart: 'never' })],
      child,
      acts,
      until: 20_000,
    },
    `
    1000   job stopped → starting (scheduled (0 3 * * *))
    1000   job starting → running (up and ready)
    4000   job running → exited (exit code 0)
    4000   job exited → starting (its schedule was due while it ran)
    4000   job starting → running (up and ready)
    7000   job running → exited (exit code 0)`,
  );
  tells(
    {
      services: [aService('job', { schedule: { ...nightly, overlap: 'kill' }, restart: 'never' })],
      child,
      acts: acts.slice(0, 2),
      until: 20_000,
    },
    `
    1000   job stopped → starting (scheduled (0 3 * * *))
    1000   job starting → running (up and ready)
    2000   job running → stopping (scheduled (0 3 * * *))
    2000   job SIGTERM to its main
    2100   job stopping → starting (scheduled (0 3 * * *))
    2100   job starting → running (up and ready)
    5100   job running → exited (exit code 0)`,
  );
});

test('a job that takes longer than its timeout is stopped, and has failed', () => {
  tells(
    {
      services: [aService('job', { timeout: 2_000, restart: 'never' })],
      child: obedient,
      acts: [],
      until: 10_000,
    },
    `
    0      job stopped → starting (enabled)
    0      job starting → running (up and ready)
    2000   job running → stopping (still running after 2s (timeout))
    2000   job SIGTERM to its main
    2100   job stopping → exited (still running after 2s (timeout))`,
  );
});

test('a service with on_failed = "shutdown" takes opsd with it, and gives it its exit code', () => {
  tells(
    {
      services: [aService('main', { ...steady, maxFailures: 0, onFailed: 'shutdown' }), aService('side')],
      child: (service) => (service === 'main' ? { ...crashing, ends: { after: 50, code: 7 } } : obedient),
      acts: [],
      until: 10_000,
    },
    `
    0      main stopped → starting (enabled)
    0      side stopped → starting (enabled)
    0      main starting → running (up and ready)
    0      side starting → running (up and ready)
    50     main running → failed (exit code 7)
    50     main CRITICAL exit code 7
    50     main failed → stopped (shutdown by on_failed of main)
    50     side running → stopping (opsd is shutting down)
    50     side SIGTERM to its main
    150    side stopping → stopped (stopped for the shutdown)
    150    opsd exits 7: every service is stopped (on_failed of main)`,
  );
});

test('on_failed = "shutdown" holds for one that is not started again, too', () => {
  tells(
    {
      services: [aService('main', { restart: 'never', onFailed: 'shutdown' })],
      child: { ...crashing, ends: { after: 50, code: 6 } },
      acts: [],
      until: 10_000,
    },
    `
    0      main stopped → starting (enabled)
    0      main starting → running (up and ready)
    50     main running → exited (exit code 6)
    50     main exited → stopped (shutdown by on_failed of main)
    50     opsd exits 6: every service is stopped (on_failed of main)`,
  );
});

test('with exit_when = "all-exited" nobody waits for what will never come', () => {
  tells(
    {
      services: [
        aService('migrate', { restart: 'never' }),
        aService('web', { dependsOn: [{ service: 'migrate', until: 'completed' }] }),
        aService('edge', { dependsOn: [{ service: 'web', until: 'ready' }] }),
      ],
      child: { ...crashing, ends: { after: 50, code: 3 } },
      acts: [],
      until: 10_000,
      daemon: { exitWhen: 'all-exited' },
    },
    `
    0      migrate stopped → starting (enabled)
    0      web stopped → waiting (waits for migrate (starting))
    0      edge stopped → waiting (waits for web (waiting))
    0      migrate starting → running (up and ready)
    50     migrate running → exited (exit code 3)
    50     migrate exited → stopped (shutdown by exit_when = "all-exited")
    50     web waiting → stopped (shutdown by exit_when = "all-exited")
    50     edge waiting → stopped (shutdown by exit_when = "all-exited")
    50     opsd exits 2: every service is stopped (exit_when = "all-exited")`,
  );
});

test('what waits for one that waits for good hears it at once, however long the chain', () => {
  tells(
    {
      services: [
        aService('last', { dependsOn: [{ service: 'middle', until: 'ready' }], enabled: false }),
        aService('middle', { dependsOn: [{ service: 'migrate', until: 'completed' }], enabled: false }),
        aService('migrate', { restart: 'never' }),
      ],
      child: { ...crashing, ends: { after: 50, code: 3 } },
      acts: [
        [1_000, (it) => it.order('start', 'last')],
        [2_000, (it) => assert.equal(it.state.services[0]?.lastDetail, WAITS)],
      ],
      until: 10_000,
    },
    `
    0      migrate stopped → starting (enabled)
    0      migrate starting → running (up and ready)
    50     migrate running → exited (exit code 3)
    1000   migrate exited → starting (a service that test started depends on it)
    1000   middle stopped → waiting (waits for migrate (starting))
    1000   last stopped → waiting (waits for middle (waiting))
    1000   migrate starting → running (up and ready)
    1050   migrate running → exited (exit code 3)
    1050   last answer: failed, last did not come up: it waits for middle, which waits for migrate (exited)`,
  );
});

test('with exit_when = "all-exited" opsd ends with its last service', () => {
  tells(
    {
      services: [aService('one', { restart: 'never' }), aService('two', { restart: 'never' })],
      child: (service) => ({ ...obedient, ends: { after: service === 'one' ? 1_000 : 2_000, code: 0 } }),
      acts: [],
      until: 10_000,
      daemon: { exitWhen: 'all-exited' },
    },
    `
    0      one stopped → starting (enabled)
    0      two stopped → starting (enabled)
    0      one starting → running (up and ready)
    0      two starting → running (up and ready)
    1000   one running → exited (exit code 0)
    2000   two running → exited (exit code 0)
    2000   one exited → stopped (shutdown by exit_when = "all-exited")
    2000   two exited → stopped (shutdown by exit_when = "all-exited")
    2000   opsd exits 0: every service is stopped (exit_when = "all-exited")`,
  );
});

test('with exit_when = "all-exited" opsd ends with 2 when one of them has failed', () => {
  tells(
    {
      services: [aService('bad', { restart: 'never' }), aService('good', { restart: 'never' })],
      child: (service) => ({
        ...obedient,
        ends: service === 'bad' ? { after: 1_000, code: 7 } : { after: 2_000, code: 0 },
      }),
      acts: [],
      until: 10_000,
      daemon: { exitWhen: 'all-exited' },
    },
    `
    0      bad stopped → starting (enabled)
    0      good stopped → starting (enabled)
    0      bad starting → running (up and ready)
    0      good starting → running (up and ready)
    1000   bad running → exited (exit code 7)
    2000   good running → exited (exit code 0)
    2000   bad exited → stopped (shutdown by exit_when = "all-exited")
    2000   good exited → stopped (shutdown by exit_when = "all-exited")
    2000   opsd exits 2: every service is stopped (exit_when = "all-exited")`,
  );
});

test('with exit_when = "all-exited" opsd ends with 0 when one has failed and then done what it is for', () => {
  tells(
    {
      services: [aService('job', { ...steady, restart: 'on-failure' })],
      child: (_, generation) => ({ ...crashing, ends: { after: 50, code: generation === 1 ? 7 : 0 } }),
      acts: [],
      until: 10_000,
      daemon: { exitWhen: 'all-exited' },
    },
    `
    0      job stopped → starting (enabled)
    0      job starting → running (up and ready)
    50     job running → backoff (exit code 7)
    150    job backoff → starting (backoff delay over)
    150    job starting → running (up and ready)
    200    job running → exited (exit code 0)
    200    job exited → stopped (shutdown by exit_when = "all-exited")
    200    opsd exits 0: every service is stopped (exit_when = "all-exited")`,
  );
});

test('with exit_when = "all-exited" opsd ends with 2 when one could not even be started', () => {
  tells(
    {
      services: [aService('job', { restart: 'never' })],
      child: { ...obedient, spawn: 'permanent' },
      acts: [],
      until: 10_000,
      daemon: { exitWhen: 'all-exited' },
    },
    `
    0      job stopped → starting (enabled)
    0      job starting → failed (no spawn: permanent; not retried until it is started or its configuration changes)
    0      job CRITICAL no spawn: permanent; not retried until it is started or its configuration changes
    0      job failed → stopped (shutdown by exit_when = "all-exited")
    0      opsd exits 2: every service is stopped (exit_when = "all-exited")`,
  );
});

test('who runs a job by hand is answered when it has ended, and joins one that runs already', () => {
  tells(
    {
      services: [aService('job', { restart: 'never', enabled: false }), aService('web')],
      child: (service) => (service === 'job' ? { ...obedient, ends: { after: 3_000, code: 0 } } : obedient),
      acts: [
        [1_000, (it) => it.order('run', 'job')],
        [2_000, (it) => it.order('run', 'job')],
        [3_000, (it) => it.order('run', 'web')],
      ],
      until: 20_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   job stopped → starting (run by test)
    1000   job starting → running (up and ready)
    3000   web answer: no_job, web is no job: it is started again whenever it ends (restart = "always"), so its end is not waited for
    4000   job running → exited (exit code 0)
    4000   job answer: ok, job has completed: exit code 0
    4000   job answer: ok, job has completed: exit code 0`,
  );
});
