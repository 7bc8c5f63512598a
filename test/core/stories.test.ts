// Stories: what a supervisor does in situations that people know, second by second, for reading.

import { test } from 'node:test';
import { aConfig, aService, readyOn } from '../simulation/specs.ts';
import { crashing, obedient, steady, stubborn, tells } from '../simulation/story.ts';

test('a stubborn service is killed at its deadline and comes back', () => {
  tells(
    {
      services: [aService('web', { stopTimeout: 10_000 })],
      child: stubborn,
      acts: [[4_000, (it) => it.order('restart', 'web')]],
      until: 20_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    4000   web running → stopping (restart by test)
    4000   web SIGTERM to its main
    14000  web stopping → killing (did not stop within 10s)
    14000  web SIGKILL to its tree
    14005  web killing → starting (restart by test)
    14005  web starting → running (up and ready)
    14005  web answer: ok, web is running`,
  );
});

test('failures in a row wait longer and longer; after max_failures there is an alert, and one try after each pause', () => {
  tells(
    {
      services: [aService('web', { ...steady, maxFailures: 3, retryFailed: 3_000 })],
      child: crashing,
      acts: [],
      until: 4_500,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → backoff (exit code 1)
    150    web backoff → starting (backoff delay over)
    150    web starting → running (up and ready)
    200    web running → backoff (exit code 1)
    400    web backoff → starting (backoff delay over)
    400    web starting → running (up and ready)
    450    web running → backoff (exit code 1)
    850    web backoff → starting (backoff delay over)
    850    web starting → running (up and ready)
    900    web running → failed (4 failures in a row, the last: exit code 1)
    900    web CRITICAL 4 failures in a row, the last: exit code 1
    3900   web failed → starting (the pause after too many failures is over)
    3900   web starting → running (up and ready)
    3950   web running → failed (5 failures in a row, the last: exit code 1)
    3950   web CRITICAL 5 failures in a row, the last: exit code 1`,
  );
});

test('staying up for stable_after forgets the failures', () => {
  const lives = [50, 50, 2_000, 50];
  tells(
    {
      services: [aService('web', { ...steady, stableAfter: 1_000 })],
      child: (_, generation) => ({ ...crashing, ends: { after: lives[generation - 1] ?? 90_000, code: 1 } }),
      acts: [],
      until: 4_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → backoff (exit code 1)
    150    web backoff → starting (backoff delay over)
    150    web starting → running (up and ready)
    200    web running → backoff (exit code 1)
    400    web backoff → starting (backoff delay over)
    400    web starting → running (up and ready)
    2400   web running → backoff (exit code 1)
    2500   web backoff → starting (backoff delay over)
    2500   web starting → running (up and ready)
    2550   web running → backoff (exit code 1)
    2750   web backoff → starting (backoff delay over)
    2750   web starting → running (up and ready)`,
  );
});

test('a main process that leaves others behind is not started again beside them', () => {
  tells(
    {
      services: [aService('web', { ...steady, stopTimeout: 1_000 })],
      child: (_, generation) =>
        generation === 1 ? { ...crashing, children: { count: 2, obeyAfter: null } } : obedient,
      acts: [],
      until: 3_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → stopping (main process ended (exit code 1), 2 of its processes remain)
    50     web SIGTERM to its tree
    1050   web stopping → killing (did not stop within 1s)
    1050   web SIGKILL to its tree
    1055   web killing → backoff (exit code 1)
    1155   web backoff → starting (backoff delay over)
    1155   web starting → running (up and ready)`,
  );
});

test('dependents start after, and stop before, what they depend on', () => {
  tells(
    {
      services: [
        aService('web', { dependsOn: [{ service: 'db', until: 'ready' }] }),
        aService('db', { ready: readyOn('delay', 5_000, { delay: 500 }) }),
      ],
      child: obedient,
      acts: [[2_000, (it) => it.post({ type: 'shutdown', by: 'SIGTERM' })]],
      until: 9_000,
    },
    `
    0      web stopped → waiting (waits for db (stopped))
    0      db stopped → starting (enabled)
    500    db starting → running (up and ready)
    500    web waiting → starting (dependencies ready)
    500    web starting → running (up and ready)
    2000   web running → stopping (opsd is shutting down)
    2000   web SIGTERM to its main
    2100   web stopping → stopped (stopped for the shutdown)
    2100   db running → stopping (opsd is shutting down)
    2100   db SIGTERM to its main
    2200   db stopping → stopped (stopped for the shutdown)
    2200   opsd exits 0: every service is stopped (SIGTERM)`,
  );
});

test('who needs another only to be started does not wait until that is ready', () => {
  tells(
    {
      services: [
        aService('db', { ready: readyOn('delay', 5_000, { delay: 500 }) }),
        aService('log', { enabled: false, dependsOn: [{ service: 'db', until: 'started' }] }),
        aService('web', { enabled: false, dependsOn: [{ service: 'db', until: 'ready' }] }),
      ],
      child: obedient,
      acts: [
        [100, (it) => it.order('start', 'log')],
        [100, (it) => it.order('start', 'web')],
      ],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    100    log stopped → starting (start by test)
    100    log starting → running (up and ready)
    100    log answer: ok, log is running
    100    web stopped → waiting (waits for db (starting))
    500    db starting → running (up and ready)
    500    web waiting → starting (dependencies ready)
    500    web starting → running (up and ready)
    500    web answer: ok, web is running`,
  );
});

test('who needs another only to be started starts at boot as soon as that is there', () => {
  tells(
    {
      services: [
        aService('db', { ready: readyOn('delay', 5_000, { delay: 500 }) }),
        aService('log', { dependsOn: [{ service: 'db', until: 'started' }] }),
        aService('web', { dependsOn: [{ service: 'db', until: 'ready' }] }),
      ],
      child: obedient,
      acts: [],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    0      log stopped → waiting (waits for db (starting))
    0      web stopped → waiting (waits for db (starting))
    0      log waiting → starting (dependencies ready)
    0      log starting → running (up and ready)
    500    db starting → running (up and ready)
    500    web waiting → starting (dependencies ready)
    500    web starting → running (up and ready)`,
  );
});

test('what was started because another needs it is restarted when it crashes, though it is not enabled', () => {
  tells(
    {
      services: [
        aService('db', { ...steady, enabled: false }),
        aService('web', { enabled: false, dependsOn: [{ service: 'db', until: 'ready' }] }),
      ],
      child: (service, generation) => (service === 'db' && generation === 1 ? crashing : obedient),
      acts: [[1_000, (it) => it.order('start', 'web')]],
      until: 9_000,
    },
    `
    1000   db stopped → starting (a service that test started depends on it)
    1000   web stopped → waiting (waits for db (starting))
    1000   db starting → running (up and ready)
    1000   web waiting → starting (dependencies ready)
    1000   web starting → running (up and ready)
    1000   web answer: ok, web is running
    1050   db running → backoff (exit code 1)
    1150   db backoff → starting (backoff delay over)
    1150   db starting → running (up and ready)`,
  );
});

test('starting a service starts what it needs, the deepest first, and not again what has completed', () => {
  const needs = (service: string, until: 'ready' | 'completed' = 'ready') => ({ service, until });
  tells(
    {
      services: [
        aService('web', { enabled: false, dependsOn: [needs('api'), needs('migrate', 'completed')] }),
        aService('api', { enabled: false, dependsOn: [needs('db')] }),
        aService('migrate', { restart: 'never' }),
        aService('db'),
        aService('other', { enabled: false, dependsOn: [needs('db')] }),
      ],
      child: (service) => (service === 'migrate' ? { ...obedient, ends: { after: 50, code: 0 } } : obedient),
      acts: [
        [500, (it) => it.order('stop', 'db')],
        [1_000, (it) => it.order('start', 'web')],
      ],
      until: 9_000,
    },
    `
    0      migrate stopped → starting (enabled)
    0      db stopped → starting (enabled)
    0      migrate starting → running (up and ready)
    0      db starting → running (up and ready)
    50     migrate running → exited (exit code 0)
    500    db running → stopping (stop by test)
    500    db SIGTERM to its main
    600    db stopping → stopped (stop by test)
    600    db answer: ok, db is stopped
    1000   db stopped → starting (a service that test started depends on it)
    1000   api stopped → waiting (waits for db (starting))
    1000   web stopped → waiting (waits for api (waiting))
    1000   db starting → running (up and ready)
    1000   api waiting → starting (dependencies ready)
    1000   api starting → running (up and ready)
    1000   web waiting → starting (dependencies ready)
    1000   web starting → running (up and ready)
    1000   web answer: ok, web is running`,
  );
});

test('a reload that changes a service and what depends on it takes the dependents down first', () => {
  const chain = (version: number) => [
    aService('db', {}, version),
    aService('api', { dependsOn: [{ service: 'db', until: 'ready' }] }, version),
    aService('log', { after: ['api'] }, 1),
  ];
  tells(
    {
      services: chain(1),
      child: obedient,
      acts: [[2_000, (it) => it.post({ type: 'configured', config: aConfig(chain(2)), isFirst: false })]],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    0      api stopped → waiting (waits for db (starting))
    0      log stopped → waiting (waits for api (waiting))
    0      db starting → running (up and ready)
    0      api waiting → starting (dependencies ready)
    0      api starting → running (up and ready)
    0      log waiting → starting (dependencies ready)
    0      log starting → running (up and ready)
    2000   api running → stopping (its configuration changed)
    2000   api SIGTERM to its main
    2100   api stopping → waiting (waits for db (about to restart))
    2100   db running → stopping (its configuration changed)
    2100   db SIGTERM to its main
    2200   db stopping → starting (its configuration changed)
    2200   db starting → running (up and ready)
    2200   api waiting → starting (dependencies ready)
    2200   api starting → running (up and ready)`,
  );
});

test('a reload that removes a service and what depends on it takes the dependents down first', () => {
  tells(
    {
      services: [aService('db'), aService('api', { dependsOn: [{ service: 'db', until: 'ready' }] })],
      child: obedient,
      acts: [[2_000, (it) => it.post({ type: 'configured', config: aConfig([]), isFirst: false })]],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    0      api stopped → waiting (waits for db (starting))
    0      db starting → running (up and ready)
    0      api waiting → starting (dependencies ready)
    0      api starting → running (up and ready)
    2000   api running → stopping (no longer in the configuration)
    2000   api SIGTERM to its main
    2100   api stopping → stopped (no longer in the configuration)
    2100   db running → stopping (no longer in the configuration)
    2100   db SIGTERM to its main
    2200   db stopping → stopped (no longer in the configuration)`,
  );
});

test('a reload that takes back what another wanted leaves who still waits for its turn alone', () => {
  const pair = (version: number) => [
    aService('db', {}, version),
    aService('api', { dependsOn: [{ service: 'db', until: 'ready' }], stopTimeout: 1_000 }, version),
  ];
  const reload = (version: number) => ({ type: 'configured' as const, config: aConfig(pair(version)), isFirst: false });
  tells(
    {
      services: pair(1),
      child: obedient,
      acts: [
        [2_000, (it) => it.post(reload(2))],
        [2_050, (it) => it.post(reload(1))],
      ],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    0      api stopped → waiting (waits for db (starting))
    0      db starting → running (up and ready)
    0      api waiting → starting (dependencies ready)
    0      api starting → running (up and ready)
    2000   api running → stopping (its configuration changed)
    2000   api SIGTERM to its main
    2100   api stopping → starting (its configuration changed)
    2100   api starting → running (up and ready)`,
  );
});

test('who waits for whom is turned round by a reload while an order waits: nobody waits for ever', () => {
  const services = (isTurned: boolean) => [
    aService('a', isTurned ? {} : { after: ['b'] }, isTurned ? 2 : 1),
    aService('b', isTurned ? { after: ['a'] } : {}),
    aService('c', { after: ['b'] }),
  ];
  tells(
    {
      services: services(false),
      child: obedient,
      acts: [
        [
          2_000,
          (it) => {
            it.order('restart', 'c');
            it.order('restart', 'b');
            it.post({ type: 'configured', config: aConfig(services(true)), isFirst: false });
          },
        ],
      ],
      until: 9_000,
    },
    `
    0      a stopped → waiting (waits for b (stopped))
    0      b stopped → starting (enabled)
    0      c stopped → waiting (waits for b (starting))
    0      b starting → running (up and ready)
    0      a waiting → starting (dependencies ready)
    0      c waiting → starting (dependencies ready)
    0      a starting → running (up and ready)
    0      c starting → running (up and ready)
    2000   c running → stopping (restart by test)
    2000   c SIGTERM to its main
    2100   c stopping → waiting (waits for b (running))
    2100   a running → stopping (its configuration changed)
    2100   a SIGTERM to its main
    2100   b running → stopping (restart by test)
    2100   b SIGTERM to its main
    2200   a stopping → starting (its configuration changed)
    2200   a starting → running (up and ready)
    2200   b stopping → starting (restart by test)
    2200   b starting → running (up and ready)
    2200   b answer: ok, b is running
    2200   c waiting → starting (dependencies ready)
    2200   c starting → running (up and ready)
    2200   c answer: ok, c is running`,
  );
});

test('those that are restarted together stop dependents first, and start the other way round', () => {
  tells(
    {
      services: [
        aService('db'),
        aService('api', { dependsOn: [{ service: 'db', until: 'ready' }] }),
        aService('web', { after: ['api'] }),
      ],
      child: obedient,
      acts: [
        [1_000, (it) => it.order('restart', 'web')],
        [1_000, (it) => it.order('restart', 'api')],
        [1_000, (it) => it.order('restart', 'db')],
      ],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    0      api stopped → waiting (waits for db (starting))
    0      web stopped → waiting (waits for api (waiting))
    0      db starting → running (up and ready)
    0      api waiting → starting (dependencies ready)
    0      api starting → running (up and ready)
    0      web waiting → starting (dependencies ready)
    0      web starting → running (up and ready)
    1000   web running → stopping (restart by test)
    1000   web SIGTERM to its main
    1100   web stopping → waiting (waits for api (running))
    1100   api running → stopping (restart by test)
    1100   api SIGTERM to its main
    1200   api stopping → waiting (waits for db (about to restart))
    1200   db running → stopping (restart by test)
    1200   db SIGTERM to its main
    1300   db stopping → starting (restart by test)
    1300   db starting → running (up and ready)
    1300   db answer: ok, db is running
    1300   api waiting → starting (dependencies ready)
    1300   api starting → running (up and ready)
    1300   api answer: ok, api is running
    1300   web waiting → starting (dependencies ready)
    1300   web starting → running (up and ready)
    1300   web answer: ok, web is running`,
  );
});

test('a restart that waits for dependents gives way to a stop, and a start is answered before it', () => {
  tells(
    {
      services: [aService('db'), aService('web', { dependsOn: [{ service: 'db', until: 'ready' }] })],
      child: { ...obedient, obeysAfter: 3_000 },
      acts: [
        [1_000, (it) => it.order('restart', 'web')],
        [1_000, (it) => it.order('restart', 'db')],
        [2_000, (it) => it.order('start', 'db')],
        [3_000, (it) => it.order('stop', 'db')],
      ],
      until: 9_000,
    },
    `
    0      db stopped → starting (enabled)
    0      web stopped → waiting (waits for db (starting))
    0      db starting → running (up and ready)
    0      web waiting → starting (dependencies ready)
    0      web starting → running (up and ready)
    1000   web running → stopping (restart by test)
    1000   web SIGTERM to its main
    2000   db answer: ok, db is running
    3000   db answer: superseded, restart of db was superseded by stop from test
    3000   db running → stopping (stop by test)
    3000   db SIGTERM to its main
    4000   web stopping → waiting (waits for db (stopping))
    6000   db stopping → stopped (stop by test)
    6000   db answer: ok, db is stopped
    6000   web answer: failed, web did not come up: it waits for db (stopped)`,
  );
});

test('a stop while a restart is under way wins, and both are answered', () => {
  tells(
    {
      services: [aService('web')],
      child: { ...obedient, obeysAfter: 3_000 },
      acts: [
        [1_000, (it) => it.order('restart', 'web')],
        [2_000, (it) => it.order('stop', 'web')],
      ],
      until: 9_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (restart by test)
    1000   web SIGTERM to its main
    2000   web answer: superseded, restart of web was superseded by stop from test
    4000   web stopping → stopped (stop by test)
    4000   web answer: ok, web is stopped`,
  );
});

test('a heartbeat that stops is noticed, and the service is restarted', () => {
  tells(
    {
      services: [aService('web', { ...steady, heartbeat: { timeout: 2_000, grace: 5_000 } })],
      child: (_, generation) => ({
        ...obedient,
        beats: { every: 400, silentAfter: generation === 1 ? 3_000 : Number.MAX_SAFE_INTEGER },
      }),
      acts: [],
      until: 10_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    5000   web running → stopping (no heartbeat for 2s (heartbeat.timeout is 2s))
    5000   web SIGTERM to its main
    5100   web stopping → backoff (no heartbeat for 2s (heartbeat.timeout is 2s))
    5200   web backoff → starting (backoff delay over)
    5200   web starting → running (up and ready)`,
  );
});

test('an error that trying again cannot heal is said at once and not retried, until the configuration changes', () => {
  tells(
    {
      services: [aService('web')],
      child: (_, generation) => (generation === 1 ? { ...obedient, spawn: 'permanent' } : obedient),
      acts: [
        [60_000, (it) => it.post({ type: 'configured', config: aConfig([aService('web', {}, 2)]), isFirst: false })],
      ],
      until: 70_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → failed (no spawn: permanent; not retried until it is started or its configuration changes)
    0      web CRITICAL no spawn: permanent; not retried until it is started or its configuration changes
    60000  web failed → starting (its configuration changed)
    60000  web starting → running (up and ready)`,
  );
});

test('a reload in backoff takes the new command at once', () => {
  tells(
    {
      services: [aService('web', { backoff: { initial: 60_000, factor: 1, max: 60_000, jitter: 0 } })],
      child: (_, generation) => (generation === 1 ? crashing : obedient),
      acts: [
        [5_000, (it) => it.post({ type: 'configured', config: aConfig([aService('web', {}, 2)]), isFirst: false })],
      ],
      until: 70_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    50     web running → backoff (exit code 1)
    5000   web backoff → starting (its configuration changed)
    5000   web starting → running (up and ready)`,
  );
});

test('the second request to shut down kills at once', () => {
  tells(
    {
      services: [aService('web')],
      child: stubborn,
      acts: [
        [1_000, (it) => it.post({ type: 'shutdown', by: 'SIGTERM' })],
        [1_100, (it) => it.post({ type: 'shutdown', by: 'SIGTERM' })],
      ],
      until: 9_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (opsd is shutting down)
    1000   web SIGTERM to its main
    1100   web stopping → killing (shutdown asked for again by SIGTERM)
    1100   web SIGKILL to its tree
    1105   web killing → stopped (stopped for the shutdown)
    1105   opsd exits 0: every service is stopped (SIGTERM)`,
  );
});

test('what survives SIGKILL is said to, and nothing is started beside it', () => {
  tells(
    {
      services: [aService('web', { stopTimeout: 1_000 })],
      child: { ...stubborn, diesAfter: null },
      acts: [[1_000, (it) => it.order('restart', 'web')]],
      until: 12_500,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (restart by test)
    1000   web SIGTERM to its main
    2000   web stopping → killing (did not stop within 1s)
    2000   web SIGKILL to its tree
    7000   web SIGKILL to its tree
    7000   web CRITICAL pid 1000 survives SIGKILL for 5s (uninterruptible sleep?); web is not started beside it
    7000   web answer: failed, pid 1000 survives SIGKILL for 5s (uninterruptible sleep?); web is not started beside it
    12000  web SIGKILL to its tree`,
  );
});

test('what could not be looked at after SIGKILL is not said to survive it before it was seen for so long', () => {
  const unseen = { type: 'scan_failed', service: 'web', generation: 1 } as const;
  tells(
    {
      services: [aService('web', { stopTimeout: 1_000 })],
      child: { ...stubborn, diesAfter: null },
      acts: [
        [500, (it) => it.post(unseen)],
        [1_000, (it) => it.order('restart', 'web')],
        [4_000, (it) => it.post(unseen)],
        [8_500, (it) => it.post(unseen)],
      ],
      until: 14_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (restart by test)
    1000   web SIGTERM to its main
    2000   web stopping → killing (did not stop within 1s)
    2000   web SIGKILL to its tree
    13500  web SIGKILL to its tree
    13500  web CRITICAL pid 1000 survives SIGKILL for 5s (uninterruptible sleep?); web is not started beside it
    13500  web answer: failed, pid 1000 survives SIGKILL for 5s (uninterruptible sleep?); web is not started beside it`,
  );
});

test('a service that is removed and comes back while it stops is given no longer than its new stop_timeout', () => {
  tells(
    {
      services: [aService('web')],
      child: (_, generation) => (generation === 1 ? stubborn : obedient),
      acts: [
        [1_000, (it) => it.post({ type: 'configured', config: aConfig([]), isFirst: false })],
        [
          2_000,
          (it) =>
            it.post({ type: 'configured', config: aConfig([aService('web', { stopTimeout: 500 })]), isFirst: false }),
        ],
      ],
      until: 40_000,
    },
    `
    0      web stopped → starting (enabled)
    0      web starting → running (up and ready)
    1000   web running → stopping (no longer in the configuration)
    1000   web SIGTERM to its main
    2500   web stopping → killing (did not stop within 500ms)
    2500   web SIGKILL to its tree
    2505   web killing → starting (its configuration changed)
    2505   web starting → running (up and ready)`,
  );
});
