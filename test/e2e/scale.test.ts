// `opsd ctl scale` on a real opsd: kept over restarts and reloads, and told as what differs from the file.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Opsd, type OpsdOptions, startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

const config = (instances: number, more = '') => `[services.web]
command = ["sh", "-c", "echo $OPSD_INSTANCE of $OPSD_SERVICE; exec sleep 1000"]
instances = ${instances}
${more}
[services.db]
command = ["sleep", "1000"]
`;
const start = (options: Partial<OpsdOptions> = {}) => startOpsd({ config: config(2), ...options });

async function names(opsd: Opsd): Promise<readonly string[]> {
  const { body } = await opsd.api('GET', '/api/v1/services');
  return JSON.parse(body).services.map(({ name, state }: { name: string; state: string }) => `${name} ${state}`);
}
const running = (count: number) => [
  ...Array.from({ length: count }, (_, index) => `web@${index + 1} running`),
  'db running',
];

test('growing starts, shrinking stops the highest, and those between run on', async () => {
  await using opsd = await start();
  const first = (await opsd.status('web@1')).pid;
  assert.equal((await opsd.ctl('scale', 'web', '4')).code, 0);
  assert.deepEqual(await names(opsd), running(4));
  assert.equal(await opsd.output('web@4'), '4 of web@4\n');
  assert.equal((await opsd.ctl('scale', 'web', '1')).code, 0);
  assert.deepEqual(await names(opsd), running(1));
  for (const gone of ['web@2', 'web@3', 'web@4']) assert.deepEqual(opsd.alive(gone), []);
  assert.equal((await opsd.status('web@1')).pid, first);
  assert.equal(await opsd.read('p/data/opsd/scale.json'), '{"web":1}\n');
  await opsd.logged(/scaled service=web from=4 to=1 file=2 by="ctl/);
});

test('a service without instances has no OPSD_INSTANCE', async () => {
  await using opsd = await startOpsd({
    config: '[services.one]\ncommand = ["sh", "-c", "echo x$OPSD_INSTANCE; exec sleep 1000"]\n',
  });
  await opsd.until('one', 'running');
  await waitFor('its output', async () => (await opsd.output('one')) !== '');
  assert.equal(await opsd.output('one'), 'x\n');
});

test('it is kept over a shutdown, a kill -9 and a reload, and told everywhere', async () => {
  await using opsd = await start();
  assert.equal((await opsd.ctl('scale', 'web', '3')).code, 0);
  const third = (await opsd.status('web@3')).pid;
  await opsd.crash();
  await opsd.restart();
  assert.deepEqual(await names(opsd), running(3));
  assert.equal((await opsd.status('web@3')).pid, third, 'adopted');
  assert.equal((await opsd.reload()).status, 200);
  assert.deepEqual(await names(opsd), running(3));
  await opsd.stop();
  await opsd.restart();
  await opsd.until('web@3', 'running');
  const drift = /web: 3 instances by ctl scale, 2 in the file; opsd ctl scale web --reset/;
  assert.match((await opsd.ctl('status')).stdout, drift);
  assert.match((await opsd.opsd('check')).stdout, drift);
  assert.match(
    (await opsd.opsd('config', '--explain')).stdout,
    /instances = 3 +# opsd ctl scale \(cfg\/config\.toml:3: 2\)/,
  );
  await opsd.logged(/scaled by ctl service=web instances=3 file=2/);
  const { code } = await opsd.ctl('scale', 'web', '--reset');
  assert.deepEqual([code, await names(opsd)], [0, running(2)]);
  assert.equal(await opsd.read('p/data/opsd/scale.json'), '{}\n');
  assert.doesNotMatch((await opsd.ctl('status')).stdout, /ctl scale/);
});

test('another number in the file does not win, and the same one ends it', async () => {
  await using opsd = await start();
  await opsd.ctl('scale', 'web', '3');
  await opsd.configure(config(1));
  await opsd.reload();
  assert.deepEqual(await names(opsd), running(3));
  assert.match((await opsd.ctl('status')).stdout, /3 instances by ctl scale, 1 in the file/);
  await opsd.configure(config(3));
  await opsd.reload();
  assert.equal(await opsd.read('p/data/opsd/scale.json'), '{}\n');
  await opsd.configure(config(2));
  await opsd.reload();
  await opsd.logged(/the scale of a service is forgotten service=web instances=3 why="the file says the same"/);
  assert.match((await opsd.ctl('scale')).stdout, /^web {2}2 instances/);
});

test('what was written into the file since waits for a reload', async () => {
  await using opsd = await start();
  const db = (await opsd.status('db')).pid;
  await opsd.configure('this is not toml');
  assert.equal((await opsd.ctl('scale', 'web', '3')).code, 0);
  await opsd.configure(config(2).replaceAll('1000', '2000'));
  assert.equal((await opsd.ctl('scale', 'web', '4')).code, 0);
  assert.equal((await opsd.status('db')).pid, db);
  await opsd.until('web@4', 'running');
});

test('what cannot be is refused with the remedy, and changes nothing', async () => {
  await using opsd = await start({
    config: config(2, `env = { PORT = "\${65530 + instance}" }\nready = { on = "tcp" }\nenabled = false`),
  });
  const rows: [string[], RegExp][] = [
    [['wbe', '3'], /there is no service 'wbe'; did you mean 'web'\?/],
    [['web@2', '3'], /web@2 is one instance; all of them are scaled: opsd ctl scale web 3/],
    [
      ['db', '3'],
      /db has no instances to scale; add instances = 1 to services\.db in the configuration, then opsd ctl reload/,
    ],
    [['web', '0'], /expected a number of instances from 1 to 1000, got 0; to have none, opsd ctl stop web/],
    [['web', '1000000'], /expected a number of instances from 1 to 1000, got 1000000/],
    [['web', '9'], /the configuration would have problems; nothing was changed\n.*cfg\/config\.toml:5/s],
  ];
  for (const [words, message] of rows) {
    const { code, stderr } = await opsd.ctl('scale', ...words);
    assert.equal(code, 1, words.join(' '));
    assert.match(stderr, message);
  }
  assert.equal(await opsd.read('p/data/opsd/scale.json'), '');
  assert.match((await opsd.ctl('scale')).stdout, /^web {2}2 instances, 0 running\n$/);
});

test('a file of garbage costs a warning, a number that no longer fits the file too', async () => {
  await using opsd = await start();
  await opsd.stop();
  await opsd.write('p/data/opsd/scale.json', 'garbage');
  await opsd.restart();
  assert.deepEqual((await names(opsd)).length, 3);
  await opsd.logged(/\[WARN\].*scale\.json is not JSON: instances are as many as the configuration says/);
  await opsd.ctl('scale', 'web', '1');
  await opsd.configure(`${config(2)}depends_on = ["web@2"]\n`);
  const { body, status } = await opsd.reload();
  assert.equal(status, 422);
  assert.match(body, /no service \\"web@2\\"/);
  assert.match(
    body,
    /its instances are 1 by ctl scale, 2 in the file, with which it would be right; opsd ctl scale web --reset/,
  );
  await opsd.stop();
  await opsd.restart();
  assert.deepEqual((await names(opsd)).length, 3);
  await opsd.logged(/scale\.json \(web 1\) does not fit the configuration/);
});

test('who depends on the service depends on the instances there are', async () => {
  await using opsd = await start({ config: `${config(1)}depends_on = ["web"]\n` });
  const db = (await opsd.until('db', 'running')).pid;
  await opsd.ctl('scale', 'web', '2');
  assert.equal((await opsd.ctl('stop', 'web@2')).code, 1, 'needed by db');
  assert.equal((await opsd.status('db')).pid, db);
  assert.equal((await opsd.ctl('scale', 'web', '1')).code, 0);
  assert.equal((await opsd.status('db')).state, 'running');
});

const versions = (version: string, more = '') => `[services.web]
command = ["sh", "-c", "echo ${version}; ${version === 'bad' ? 'exit 3' : 'exec sleep 1000'}"]
instances = 3
ready = { on = "delay", delay = "200ms" }
backoff = { initial = "100ms" }
${more}
`;

test('in the middle of a rollout: all end up in the new form', async () => {
  await using opsd = await startOpsd({ config: versions('v1') });
  await opsd.until('web@3', 'running');
  await opsd.configure(versions('v2'));
  assert.equal((await opsd.reload()).status, 200);
  assert.equal((await opsd.ctl('scale', 'web', '5')).code, 0);
  for (const name of ['web@1', 'web@2', 'web@3', 'web@4', 'web@5']) {
    await waitFor(`${name} in the new form`, async () => /v2\n$/.test(await opsd.output(name)));
    await opsd.until(name, 'running');
  }
  assert.equal((await opsd.ctl('scale', 'web', '2')).code, 0);
  await waitFor('two of them', async () => (await names(opsd)).join() === 'web@1 running,web@2 running');
});

test('after a rollout that came to no good end there can be fewer, and more only when that is put right', async () => {
  await using opsd = await startOpsd({ config: versions('v1', 'rollout = { on_failure = "rollback" }') });
  await opsd.until('web@3', 'running');
  await opsd.configure(versions('bad', 'rollout = { on_failure = "rollback" }'));
  await opsd.reload();
  await opsd.logged(/rollout service=web what=rolled_back/);
  const more = await opsd.ctl('scale', 'web', '5');
  assert.equal(more.code, 2);
  assert.match(more.stderr, /the rollout of web failed, .* correct the configuration, opsd ctl reload, then scale/);
  assert.equal((await opsd.ctl('scale', 'web', '2')).code, 0);
  assert.equal((await opsd.ctl('scale', 'web', '--reset')).code, 2);
  await opsd.configure(versions('v3'));
  await opsd.reload();
  await opsd.logged(/rollout service=web what=done/);
  assert.equal((await opsd.ctl('scale', 'web', '4')).code, 0);
  for (const name of ['web@1', 'web@2', 'web@3', 'web@4']) assert.match(await opsd.output(name), /v3\n$/);
});
