// The marker in the environment of a process: found wherever it stands, and nothing else is taken for it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { formatMarker, parseMarker, readMarker } from '../../../src/os/proc/marker.ts';
import { serviceEnvironment } from '../../../src/os/spawn/environment.ts';
import { waitFor } from '../../support/wait.ts';
import { serviceSpec } from '../rig.ts';

async function markerOf(environment: Record<string, string>): Promise<ReturnType<typeof readMarker>> {
  const child = spawn('/bin/sleep', ['60'], { stdio: 'ignore', env: environment });
  try {
    return await waitFor('its environment', () => {
      const found = readMarker(child.pid ?? 0);
      return found === 'gone' ? null : found;
    });
  } finally {
    child.kill('SIGKILL');
  }
}

test('what is written can be read, run directories with colons too', () => {
  const marker = { service: 'web.api', generation: 12, runDir: '/srv/a:b/run' };
  assert.deepEqual(parseMarker(formatMarker(marker)), marker);
});

test('instances have one, and so have their hooks', () => {
  for (const service of ['web@12', 'web@before_start', `${'w'.repeat(64)}@1000@after_stop`]) {
    const marker = { service, generation: 1, runDir: '/run' };
    assert.deepEqual(parseMarker(formatMarker(marker)), marker);
  }
});

test('nothing else is a marker', () => {
  for (const text of [
    '',
    '1:web',
    '0:web:/run',
    '-1:web:/run',
    '01:web:/run',
    'x:web:/run',
    '1::/run',
    '1:we b:/run',
    '1:web:run',
    `1:${'a'.repeat(65)}:/run`,
    '1:web@1@probe@x:/run',
    `${'9'.repeat(16)}:web:/run`,
  ]) {
    assert.equal(parseMarker(text), null, text);
  }
});

test('it is found behind a large environment, and no other variable is taken for it', async () => {
  const large = { A: 'x'.repeat(100_000) };
  assert.deepEqual(await markerOf({ ...large, XOPSD_MARKER: '1:no:/run', OPSD_MARKER: '7:web:/run' }), {
    text: '7:web:/run',
  });
  assert.deepEqual(await markerOf({ OPSD_MARKER_OLD: '1:no:/run', B: 'OPSD_MARKER=1:no:/run' }), 'none');
});

test('of an environment of megabytes only the first 128 KiB are read', async () => {
  const large = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`A${index}`, 'x'.repeat(100_000)]));
  assert.deepEqual(await markerOf({ OPSD_MARKER: '7:web:/run', ...large }), { text: '7:web:/run' });
  assert.equal(await markerOf({ ...large, OPSD_MARKER: '7:web:/run' }), 'none');
});

test('no environment, no process, a kernel thread', async () => {
  assert.equal(await markerOf({}), 'empty');
  assert.equal(readMarker(4_194_000), 'gone');
});

test('the marker stands first in what a service is given', () => {
  const { launch } = serviceSpec(['true'], { env: { A: '1', OPSD_MARKER: 'forged' } });
  const environment = serviceEnvironment({
    launch,
    name: 'web',
    instance: null,
    service: 'web',
    generation: 2,
    runDir: '/run',
    account: null,
    own: {},
  });
  assert.deepEqual(Object.keys(environment)[0], 'OPSD_MARKER');
  assert.deepEqual(environment, {
    OPSD_MARKER: '2:web:/run',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    A: '1',
    OPSD_SERVICE: 'web',
    OPSD_HEARTBEAT_FILE: '/nowhere/web.heartbeat',
  });
});
