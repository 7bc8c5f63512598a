// `opsd ctl scale` as an operator meets it: what it prints, what it waits for, and what it exits with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { service, UP } from '../http/fake-control.ts';
import { waitFor } from '../support/wait.ts';
import { fakeDaemon } from './daemon.ts';
import { start } from './run-opsd.ts';

async function daemonWithWeb(instances = 2, configured = 2) {
  const names = Array.from({ length: instances }, (_, index) => `web@${index + 1}`);
  const daemon = await fakeDaemon([...names.map((name) => service(name, UP)), service('lb', UP)]);
  daemon.control.groups = [{ name: 'web', instances, configured }];
  return daemon;
}

const lines = (text: string) => text.trimEnd().split('\n');

test('more: returns when the new ones are up', async () => {
  await using daemon = await daemonWithWeb();
  const { code, out, err } = await daemon.ctl('scale', 'web', '4');
  assert.deepEqual([code, err], [0, '']);
  assert.deepEqual(lines(out), [
    'web: 4 instances by ctl scale, 2 in the file; opsd ctl scale web --reset',
    'web@3 is running',
    'web@4 is running',
  ]);
  assert.match(daemon.control.orders.join(), /^scale web 4 by /);
});

test('fewer: waits until those that are no longer wanted are gone', async () => {
  await using daemon = await daemonWithWeb(4, 4);
  const { promise, resolve } = Promise.withResolvers<void>();
  daemon.control.gate = promise;
  const child = start(daemon.prefix, ['ctl', 'scale', 'web', '3']);
  let out = '';
  child.stdout.on('data', (bytes) => {
    out += bytes;
  });
  const end = new Promise((done) => child.once('exit', done));
  await waitFor('the first words', () => out.includes('3 instances'));
  assert.equal(child.exitCode, null);
  resolve();
  assert.equal(await end, 0);
  assert.match(out, /web@4 is gone\n$/);
});

test('one that does not come up is told with its reason, and exits 2', async () => {
  await using daemon = await daemonWithWeb();
  daemon.control.failing.add('web@4');
  const { code, out, err } = await daemon.ctl('scale', 'web', '4');
  assert.deepEqual([code, err], [2, 'web@4 is backoff: exit code 3\n']);
  assert.match(out, /web@3 is running/);
});

test('--reset, and the word file, mean the number of the file', async () => {
  for (const words of [['--reset'], ['file']]) {
    await using daemon = await daemonWithWeb(3, 2);
    const { code, out } = await daemon.ctl('scale', 'web', ...words);
    assert.deepEqual([code, out], [0, 'web@3 is gone\n']);
    assert.match(daemon.control.orders.join(), /^scale web null by /);
  }
  await using daemon = await daemonWithWeb(3, 2);
  assert.equal((await daemon.ctl('scale', 'web', '4', '--reset')).code, 1);
  assert.deepEqual(daemon.control.orders, []);
});

test('without a number it shows how many there are, and status shows what is not as in the file', async () => {
  await using daemon = await daemonWithWeb(6, 4);
  daemon.control.groups = [...daemon.control.groups, { name: 'api', instances: 1, configured: 1 }];
  assert.deepEqual(lines((await daemon.ctl('scale')).out), [
    'web  6 instances, 6 running, 4 in the file; opsd ctl scale web --reset',
    'api  1 instance, 0 running',
  ]);
  assert.deepEqual(lines((await daemon.ctl('scale', 'web')).out).length, 1);
  assert.deepEqual(JSON.parse((await daemon.ctl('scale', '--json')).out).groups, daemon.control.groups);
  const drift = 'web: 6 instances by ctl scale, 4 in the file; opsd ctl scale web --reset';
  assert.equal(lines((await daemon.ctl('status')).out).at(-1), drift);
  assert.equal(lines((await daemon.ctl('status', 'web@1')).out).at(-1), drift);
  assert.doesNotMatch((await daemon.ctl('status', 'lb')).out, /ctl scale/);
  assert.deepEqual(
    JSON.parse((await daemon.ctl('status', '--json', 'web')).out).groups,
    daemon.control.groups.slice(0, 1),
  );
});

test('where nothing has instances it says how to have some', async () => {
  await using daemon = await fakeDaemon([service('lb', UP)]);
  assert.match((await daemon.ctl('scale')).out, /^no service has instances; add instances = 2 /);
  assert.match((await daemon.ctl('scale', 'lb')).out, /^lb has no instances; add instances = 2 to lb /);
});

test('what is no number is refused here, what the daemon refuses is told, each with exit 1', async () => {
  await using daemon = await daemonWithWeb();
  for (const word of ['six', '1.5', '+1', '']) {
    const { code, err } = await daemon.ctl('scale', 'web', word);
    assert.equal(code, 1);
    assert.match(err, /expected a number of instances such as 6, or 'file'/);
  }
  daemon.control.scaleResult = {
    ok: false,
    code: 'bad_configuration',
    message: 'web cannot have that many instances',
    problems: [{ where: 'config.toml', line: 3, key: 'services.web.env.PORT', message: 'is too high' }],
  };
  const { code, err } = await daemon.ctl('scale', 'web', '900');
  assert.equal(code, 1);
  assert.match(err, /web cannot have that many instances\n.*config\.toml:3.*is too high/s);
  daemon.control.scaleResult = { ok: false, code: 'not_saved', message: 'cannot save the scale of web' };
  assert.deepEqual((await daemon.ctl('scale', 'web', '3')).code, 2);
});

test('--no-wait returns at once, --timeout says who is not there yet', async () => {
  await using daemon = await daemonWithWeb();
  daemon.control.gate = new Promise(() => {});
  assert.equal((await daemon.ctl('scale', 'web', '3', '--no-wait')).code, 0);
  const { code, err } = await daemon.ctl('scale', 'web', '4', '--timeout', '200ms');
  assert.equal(code, 2);
  assert.match(err, /timed out after 0\.2s: web@4; opsd carries on with the command/);
});
