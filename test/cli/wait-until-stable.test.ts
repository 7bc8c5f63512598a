// `--wait` of start, restart and reload: over when services are stable and rollouts are over, at once when one fails.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../../src/core/model/changes.ts';
import { service, UP } from '../http/fake-control.ts';
import { waitFor } from '../support/wait.ts';
import { fakeDaemon } from './daemon.ts';

const iso = (millis: number) => new Date(Date.now() + millis).toISOString();
const changed = (name: string, kind: Change['kind']): Change => ({ service: name, kind, keys: [] });

test('start --wait returns when the service is stable, not when it is up', async () => {
  await using daemon = await fakeDaemon([service('web')]);
  let isOver = false;
  const waiting = daemon.ctl('start', 'web', '--wait').finally(() => {
    isOver = true;
  });
  await waitFor('the start', () => daemon.control.services.get('web')?.state === 'running');
  daemon.control.change('web', 'running', { stable_at: iso(60_000) });
  await daemon.ctl('status', 'web');
  assert.equal(isOver, false, 'up, and not stable yet');
  daemon.control.change('web', 'running', { stable_at: iso(-1) });
  assert.equal((await waiting).code, 0);
});

test('a service that fails ends the wait with 2 and says why', async () => {
  await using daemon = await fakeDaemon([service('web')]);
  const waiting = daemon.ctl('start', 'web', '--wait');
  await waitFor('the start', () => daemon.control.services.get('web')?.state === 'running');
  daemon.control.change('web', 'backoff', { reason: 'exit code 3', failures_in_a_row: 1 });
  const { code, err } = await waiting;
  assert.deepEqual([code, err], [2, 'web: backoff, exit code 3; ask: opsd ctl why web\n']);
});

test('a wait has an end, and --no-wait beside it makes no sense', async () => {
  await using daemon = await fakeDaemon([service('web')]);
  daemon.control.reloadResult = { ok: true, changes: [changed('web', 'restarted')], daemon: [], hostProblems: [] };
  daemon.control.change('web', 'starting');
  const late = await daemon.ctl('reload', '--wait', '--timeout', '1ms');
  assert.deepEqual(
    [late.code, /not stable after .*: web; opsd carries on.*opsd ctl why web/.test(late.err)],
    [2, true],
  );
  const both = await daemon.ctl('restart', 'web', '--wait', '--no-wait');
  assert.deepEqual([both.code, /--wait and --no-wait/.test(both.err)], [1, true]);
});

test('reload --wait waits for what it starts and for rollouts, and not for services it does not touch', async () => {
  await using daemon = await fakeDaemon([
    service('web@1', UP),
    service('new', UP),
    service('broken', { state: 'failed' }),
  ]);
  const changes = [changed('web@1', 'rolled'), changed('new', 'added'), changed('broken', 'changed')];
  daemon.control.reloadResult = { ok: true, changes, daemon: [], hostProblems: [] };
  const rollout = {
    ...({ service: 'web', kind: 'configuration', direction: 'forward', detail: 'waits for web@1 (starting)' } as const),
    ...{ failure: null, started_at: iso(0), ended_at: null, services: [] },
  };
  daemon.control.rolloutViews = [{ ...rollout, state: 'going' }];
  let isOver = false;
  const waiting = daemon.ctl('reload', '--wait').finally(() => {
    isOver = true;
  });
  await daemon.ctl('status');
  assert.equal(isOver, false, 'the rollout is in progress');
  daemon.control.rolloutViews = [{ ...rollout, state: 'done' }];
  const { code, out } = await waiting;
  assert.deepEqual([code, /\n2 started, all stable\n$/.test(out)], [0, true]);
  daemon.control.rolloutViews = [{ ...rollout, state: 'stopped', detail: 'stopped, web@1 did not get ready' }];
  const bad = await daemon.ctl('reload', '--wait');
  assert.deepEqual([bad.code, bad.err], [2, 'rollout of web: stopped, web@1 did not get ready\n']);
});
