// `opsd ctl rollout` and `restart --rolling` as an operator meets them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutView } from '../../src/api/rollouts.ts';
import { service, UP } from '../http/fake-control.ts';
import { fakeDaemon } from './daemon.ts';

const view: RolloutView = {
  service: 'web',
  kind: 'configuration',
  direction: 'forward',
  state: 'going',
  detail: 'waits for web@1 (starting)',
  failure: null,
  started_at: new Date().toISOString(),
  ended_at: null,
  services: [
    { name: 'web@1', turn: 'under way', state: 'starting' },
    { name: 'web@2', turn: 'waiting', state: 'running' },
  ],
};
const stopped: RolloutView = {
  ...view,
  ...{ state: 'stopped', ended_at: view.started_at, failure: 'web@1 did not get ready: exit code 1' },
  detail: 'stopped, web@1 did not get ready: exit code 1; as before: web@2; go back with: opsd ctl rollout undo web',
};

const daemonWithWeb = () => fakeDaemon([service('web@1', UP), service('web@2', UP), service('lb', UP)]);

test('restart --rolling is one order for the service, and says how it went', async () => {
  await using daemon = await daemonWithWeb();
  daemon.control.rolloutOutcome = { ok: true, message: '2 restarted, and ready' };
  const { code, out, err } = await daemon.ctl('restart', 'web', '--rolling');
  assert.deepEqual([code, out, err], [0, 'web: 2 restarted, and ready\n', '']);
  assert.match(daemon.control.orders.join('\n'), /^rollout restart web \[web@1 web@2\] by [^\n]*$/);
});

test('a rollout that stopped exits 2 and says what to do', async () => {
  await using daemon = await daemonWithWeb();
  daemon.control.rolloutOutcome = { ok: false, code: 'failed', message: stopped.detail };
  const { code, out, err } = await daemon.ctl('restart', 'web', '--rolling');
  assert.deepEqual([code, out, err], [2, '', `web: ${stopped.detail}\n`]);
});

test('status shows how far each is, member by member, and exits 2 for one that stopped', async () => {
  await using daemon = await daemonWithWeb();
  daemon.control.rolloutViews = [view];
  const { code, out } = await daemon.ctl('rollout', 'status', 'web');
  assert.equal(code, 0);
  assert.match(out, /^web {2}change, in progress for \d.*\n {2}waits for web@1 \(starting\)\n/);
  assert.match(out, /\n {2}web@1 {2}in progress {2}starting\n {2}web@2 {2}waiting {6}running\n$/);
  daemon.control.rolloutViews = [stopped];
  const bad = await daemon.ctl('rollout');
  assert.equal(bad.code, 2);
  assert.match(bad.out, /stopped \S+ ago\n {2}stopped, web@1 did not get ready: exit code 1; .*undo web\n/);
  assert.deepEqual(JSON.parse((await daemon.ctl('rollout', 'status', '--json')).out), {
    version: 1,
    rollouts: [stopped],
  });
  assert.match((await daemon.ctl('rollout', 'status', 'lb')).out, /^there was no rollout yet/);
});

test('status of none says how one begins', async () => {
  await using daemon = await daemonWithWeb();
  const { code, out } = await daemon.ctl('rollout');
  assert.deepEqual([code, /opsd ctl restart SERVICE --rolling/.test(out)], [0, true]);
});

test('undo and retry are orders; without a name, or another word, they are none', async () => {
  await using daemon = await daemonWithWeb();
  for (const what of ['undo', 'retry']) {
    assert.equal((await daemon.ctl('rollout', what, 'web')).code, 0);
    assert.match(daemon.control.orders.at(-1) ?? '', new RegExp(`^rollout ${what} web `));
    const { code, err } = await daemon.ctl('rollout', what);
    assert.deepEqual([code, err.includes(`opsd ctl rollout ${what} SERVICE`)], [1, true]);
  }
  assert.match((await daemon.ctl('rollout', 'web')).err, /expected status, undo or retry, got 'web'/);
  const unknown = await daemon.ctl('rollout', 'undo', 'wbe');
  assert.deepEqual([unknown.code, /did you mean 'web'/.test(unknown.err)], [1, true]);
  assert.equal(daemon.control.orders.length, 2);
});

test('reload says that a rollout began, and how to follow it', async () => {
  await using daemon = await daemonWithWeb();
  daemon.control.reloadResult = {
    ok: true,
    changes: [{ service: 'web@1', kind: 'rolled', keys: [] }],
    daemon: [],
    hostProblems: [],
  };
  daemon.control.rolloutViews = [view];
  const { out } = await daemon.ctl('reload');
  assert.match(out, /~ web@1 {2}restarted by the rollout\n/);
  assert.match(out, /follow it with: opsd ctl rollout status web\n$/);
  assert.doesNotMatch((await daemon.ctl('reload', '--dry-run')).out, /follow it/);
});

test('a service whose turn comes says so in the table', async () => {
  const note = 'its turn comes: the rollout waits for web@1 (starting)';
  await using daemon = await fakeDaemon([service('web@2', { ...UP, rollout: { turn: 'waiting', detail: note } })]);
  assert.ok((await daemon.ctl('status')).out.includes(note));
});
