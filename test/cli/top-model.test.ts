// What the keys of `ctl top` do, and the picture that comes of it, without a terminal.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newModel, press, SAMPLES, type TopModel, visible, withStatus } from '../../src/cli/top/model.ts';
import { screenOf, sparkline } from '../../src/cli/top/screen.ts';
import { FakeControl, service, UP } from '../http/fake-control.ts';

const SERVICES = [
  service('web', { ...UP, cpu_ratio: 0.5, memory_bytes: 10_000_000 }),
  service('db', { ...UP, cpu_ratio: 0.1, memory_bytes: 90_000_000 }),
  service('mail', { state: 'failed', reason: 'exit\u001b[2J code 3' }),
];
const status = new FakeControl(SERVICES).status();
const SIZE = { columns: 80, rows: 10, hasColours: false, now: Date.now() };
const names = (model: TopModel) => visible(model).map(({ name }) => name);

function after(...keys: string[]): TopModel {
  return keys.reduce((model, key) => press(model, key)[0], newModel(status));
}

test('sorts by what is asked for, the largest first; asked again, the other way round', () => {
  assert.deepEqual(names(after()), ['web', 'db', 'mail']);
  assert.deepEqual(names(after('n')), ['db', 'mail', 'web']);
  assert.deepEqual(names(after('m')), ['db', 'web', 'mail']);
  assert.deepEqual(names(after('c')), ['web', 'db', 'mail']);
  assert.deepEqual(names(after('c', 'c')), ['mail', 'db', 'web']);
  assert.deepEqual(names(after('m', 'o')), ['web', 'db', 'mail']);
});

test('filters by name and state while one types; what is not shown is not selected', () => {
  assert.deepEqual(names(after('/', 'f', 'a', 'i')), ['mail']);
  assert.equal(after('/', 'f', 'a', 'i').selected, 'mail');
  assert.deepEqual(names(after('/', 'x', 'y')), []);
  assert.equal(after('/', 'x', 'y').selected, null);
  assert.deepEqual(names(after('/', 'd', 'b', 'enter', 'escape')), ['web', 'db', 'mail']);
  assert.deepEqual(names(after('/', 'd', 'b', 'x', 'backspace', 'enter')), ['db']);
});

test('nothing is done without a yes, and to nothing but what was asked about', () => {
  const asking = after('down', 'r');
  assert.deepEqual(press(asking, 'y')[1], { kind: 'order', order: { action: 'restart', service: 'db' } });
  for (const key of ['n', 'enter', 'r', 'escape', 'q']) assert.equal(press(asking, key)[1], null, key);
  assert.deepEqual(press(after('s'), 'y')[1], { kind: 'order', order: { action: 'stop', service: 'web' } });
  const gone = withStatus(asking, new FakeControl([SERVICES[0] ?? service('web')]).status(), false);
  assert.deepEqual(press(gone, 'y')[1], { kind: 'order', order: { action: 'restart', service: 'db' } });
  assert.deepEqual(press(after('/', 'z', 'enter', 'r'), 'y')[1], null);
  assert.deepEqual(press(asking, 'ctrl-c')[1], { kind: 'quit' });
});

test('the selection follows its service, and stays within the table', () => {
  assert.equal(after('down', 'n').selected, 'db');
  assert.equal(after('up').selected, 'web');
  assert.equal(after('end', 'down').selected, 'mail');
});

test('samples are kept for a while, and for nobody who is gone', () => {
  let model = newModel(status);
  for (let times = 0; times < 50; times += 1) model = withStatus(model, status, true);
  assert.equal(model.histories.get('web')?.cpu.length, SAMPLES);
  model = withStatus(model, new FakeControl([]).status(), true);
  assert.equal(model.histories.size, 0);
});

test('a sparkline has a bar a sample, and a gap where there was no process', () => {
  assert.equal(sparkline([0, 0.5, null, 1], 0.1).trimStart(), '▁▅ █');
  assert.equal(sparkline([0.001], 0.1).trim(), '▁');
  assert.equal(sparkline([], 1), ' '.repeat(SAMPLES));
});

test('the picture fits any terminal, and no word of a service acts on it', () => {
  for (const columns of [1, 20, 80, 300]) {
    for (const rows of [1, 5, 50]) {
      const lines = screenOf(newModel(status), { ...SIZE, columns, rows });
      assert.ok(lines.every((line) => line.length <= columns && !/\p{Cc}/u.test(line)));
      assert.ok(lines.length <= Math.max(rows, 5), `${lines.length} lines in ${rows}`);
    }
  }
  const lines = screenOf(after('down'), SIZE);
  assert.equal(lines.length, SIZE.rows);
  assert.match(lines[4] ?? '', /^>db +running/);
});

test('at 80 columns top shows why a service is down; where there is room, its figures too', () => {
  const now = Date.now();
  const services = [
    service('web', { ...UP, cpu_ratio: 0.5, memory_bytes: 10_000_000 }),
    service('mail', { state: 'failed', restarts: 7, reason: 'exit code 3: no mail server' }),
    service('api', { ...UP, healthy: false, last_probe_failure: 'GET /live: 503', cpu_ratio: 0.1 }),
  ];
  const shown = (columns: number) =>
    screenOf(newModel(new FakeControl(services).status()), { ...SIZE, columns, now }).slice(3, 6);
  const [web = '', mail = '', api = ''] = shown(80);
  assert.match(web, /^>web +running .*50\.0 %/);
  assert.match(mail, /^ mail +failed +- +7 {2}exit code 3: no mail server$/);
  assert.match(api, /^ api +running .* {2}unhealthy: GET \/live: 503$/);
  const [, wide = '', wideApi = ''] = shown(140);
  assert.match(wide, /failed +- +7 +- +- +exit code 3: no mail server$/);
  assert.match(wideApi, /10\.0 %.*unhealthy: GET \/live: 503$/);
});

test('of many services those around the selected one are shown', () => {
  const many = Array.from({ length: 1_000 }, (_, n) => service(`s${n}`, UP));
  const [model] = press(newModel(new FakeControl(many).status()), 'end');
  assert.ok(screenOf(model, SIZE).some((line) => line.startsWith('>s999 ')));
});
