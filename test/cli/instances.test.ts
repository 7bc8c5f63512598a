// `opsd ctl` and services with instances: their name means all of them, everywhere.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { service, UP } from '../http/fake-control.ts';
import { fakeDaemon } from './daemon.ts';

const WEB = ['web@1', 'web@2'];
const daemonWithWeb = () =>
  fakeDaemon([...WEB.map((name) => service(name, { ...UP, tags: ['edge'] })), service('lb', UP)]);

test('orders go to all of them', async () => {
  await using daemon = await daemonWithWeb();
  for (const action of ['restart', 'stop', 'start', 'reset']) {
    for (const words of [['web'], ['+edge'], ['web@*'], WEB]) {
      daemon.control.orders.length = 0;
      const { code, err } = await daemon.ctl(action, ...words);
      assert.deepEqual([code, err], [0, '']);
      const orders = daemon.control.orders.map((order) => order.split(' by ')[0]).sort();
      assert.deepEqual(orders, [`${action} web@1`, `${action} web@2`], words.join());
    }
  }
  daemon.control.orders.length = 0;
  await daemon.ctl('signal', 'HUP', 'web');
  assert.equal(daemon.control.orders.length, 2);
});

test('status, wait and graph take it, and one that there is not is told with what there is', async () => {
  await using daemon = await daemonWithWeb();
  assert.equal((await daemon.ctl('status', 'web')).code, 0);
  assert.equal((await daemon.ctl('wait', 'web')).code, 0);
  assert.match((await daemon.ctl('graph', 'web')).out, /web@1 [\s\S]*web@2 /);
  daemon.control.change('web@2', 'stopped');
  assert.equal((await daemon.ctl('status', 'web')).code, 2);
  for (const command of ['status', 'start', 'why', 'logs', 'events', 'graph', 'wait']) {
    const { code, err } = await daemon.ctl(command, 'web@9');
    assert.deepEqual([command, code], [command, 1]);
    assert.match(err, /there is no service 'web@9', web has 2 instances; did you mean 'web@2'\?/);
  }
});

test('why tells of each, and as JSON a list; of one that was named an object', async () => {
  await using daemon = await daemonWithWeb();
  const { code, out } = await daemon.ctl('why', 'web');
  assert.equal(code, 0);
  assert.match(out, /web@1 is running[\s\S]*web@2 is running/);
  const all = JSON.parse((await daemon.ctl('why', 'web', '--json')).out);
  assert.deepEqual(
    all.map((why: { service: string }) => why.service),
    WEB,
  );
  assert.equal(JSON.parse((await daemon.ctl('why', 'web@2', '--json')).out).service, 'web@2');
});

test('logs of several begin their lines with the name', async () => {
  await using daemon = await daemonWithWeb();
  for (const name of WEB) {
    const file = join(daemon.prefix, `${name}.log`);
    writeFileSync(file, `hello of ${name}\n`);
    daemon.control.logFiles.set(name, file);
  }
  assert.equal((await daemon.ctl('logs', 'web')).out, 'web@1 | hello of web@1\nweb@2 | hello of web@2\n');
  assert.equal((await daemon.ctl('logs', 'web@2')).out, 'hello of web@2\n');
});

test('events are those of all of them, of instances that came later, too', async () => {
  await using daemon = await daemonWithWeb();
  for (const name of ['web@1', 'lb', 'web@2']) daemon.control.change(name, 'stopped');
  daemon.control.change('web@3', 'running');
  daemon.control.services.delete('web@3');
  const { out } = await daemon.ctl('events', 'web', '--no-follow');
  assert.deepEqual(
    out
      .trim()
      .split('\n')
      .map((line) => line.split('  ')[1]),
    ['web@1', 'web@2', 'web@3'],
  );
  const last = await daemon.ctl('events', 'web', '--no-follow', '-n', '1');
  assert.match(last.out, /^\S.*web@3 .*\n$/);
});
