// `opsd ctl` and the API: what can be asked for, what is answered, and with which exit code.

import { strict as assert } from 'node:assert';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const CONFIG = `[services.web]\ncommand = ["sh", "-c", 'trap "echo hup" HUP; echo hello; while :; do sleep 0.02; done']
[services.web2]\ncommand = ["sleep", "1000"]
[services.db]\ncommand = ["sleep", "1000"]
[services.bad]\ncommand = ["sh", "-c", "exit 78"]\n`;

test('status: a table for people, JSON for programs, and an exit code for scripts', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  await opsd.until('bad', 'failed');
  await opsd.until('db', 'running');
  const all = await opsd.ctl('status');
  assert.equal(all.code, 0);
  assert.match(all.stdout, /^web\s+running\s+\d+/m);
  assert.equal(all.stdout.includes('\x1b'), false, 'colours are for terminals');
  assert.equal((await opsd.ctl('status', 'web', 'db')).code, 0);
  assert.equal((await opsd.ctl('status', 'bad')).code, 2, 'a named service is not up');
  assert.equal((await opsd.ctl('status', 'wbe')).code, 1, 'there is no such service');
  const globbed = await opsd.ctl('status', 'web*', '--json');
  const view = JSON.parse(globbed.stdout);
  assert.deepEqual(Object.keys(view), ['version', 'daemon', 'groups', 'refused', 'services']);
  assert.equal(view.version, 1);
  assert.deepEqual(Object.keys(view.daemon), ['pid', 'version', 'started_at', 'host', 'utc_offset_minutes']);
  assert.equal(view.daemon.pid, opsd.daemon.pid);
  assert.deepEqual(
    view.services.map(({ name }: { name: string }) => name),
    ['web', 'web2'],
  );
  const keys = ['name', 'state', 'pid', 'generation', 'restarts', 'failures_in_a_row', 'since', 'started_at', 'exit'];
  const more = ['reason', 'next_attempt_at', 'heartbeat_age_seconds', 'cpu_ratio', 'memory_bytes', 'adopted'];
  // The contract's, and after them what was added since.
  const added = ['tags', 'memory_limit', 'last_run', 'rollout', 'healthy', 'last_probe_failure'].concat([
    'unstable_until',
    'completed',
    'stable_at',
  ]);
  assert.deepEqual(Object.keys(view.services[0]), [...keys, ...more, ...added]);
  assert.match(view.services[0].since, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual([view.services[0].exit, view.services[0].next_attempt_at], [null, null]);
});

test('start, stop, restart: done when the command returns; a glob and `all` mean many', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  await opsd.until('web2', 'running');
  assert.equal((await opsd.ctl('stop', 'web*')).code, 0);
  for (const name of ['web', 'web2']) assert.equal((await opsd.status(name)).state, 'stopped');
  assert.equal((await opsd.status('db')).state, 'running');
  assert.equal((await opsd.ctl('start', 'web')).code, 0);
  const { pid } = await opsd.status('web');
  assert.equal((await opsd.ctl('start', 'web')).code, 0, 'what runs is started already');
  assert.equal((await opsd.status('web')).pid, pid);
  assert.equal((await opsd.ctl('restart', 'web')).code, 0);
  assert.notEqual((await opsd.status('web')).pid, pid);
  assert.equal((await opsd.ctl('stop', 'all')).code, 0);
  assert.deepEqual(opsd.alive(), []);
  for (const command of ['start', 'stop', 'restart', 'reset', 'why', 'logs']) {
    const { code, stderr } = await opsd.ctl(command, 'wbe');
    assert.equal(code, 1, command);
    assert.match(stderr, /wbe.*did you mean.*web/, command);
  }
});

test('--timeout ends the waiting, not the order; --no-wait does not wait', async () => {
  const config =
    '[services.slow]\ncommand = ["sh", "-c", \'trap "" TERM; echo ready; while :; do sleep 0.05; done\']\nstop_timeout = "1500ms"\n';
  await using opsd = await startOpsd({ config });
  await waitFor('its trap', async () => (await opsd.output('slow')).includes('ready'));
  const { code, stderr } = await opsd.ctl('stop', 'slow', '--timeout', '100ms');
  assert.equal(code, 2);
  assert.match(stderr, /slow/);
  assert.match((await opsd.status('slow')).state, /stopping|killing/);
  await opsd.until('slow', 'stopped');
  assert.equal((await opsd.ctl('start', 'slow', '--no-wait')).code, 0);
  await opsd.until('slow', 'running');
});

test('signal reaches the main process; logs shows what it wrote', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  await waitFor('its trap', async () => (await opsd.output('web')).includes('hello'));
  assert.equal((await opsd.ctl('signal', 'HUP', 'web')).code, 0);
  await waitFor('its answer', async () => (await opsd.output('web')).includes('hup'));
  assert.match((await opsd.ctl('logs', 'web', '-n', '1')).stdout, /hup\n$/);
  assert.doesNotMatch((await opsd.ctl('logs', 'web', '-n', '1')).stdout, /hello/);
  assert.equal((await opsd.ctl('signal', 'NOPE', 'web')).code, 1);
  await opsd.order('stop', 'db');
  assert.equal((await opsd.ctl('signal', 'HUP', 'db')).code, 2, 'nobody is there to hear it');
});

test('why names the cause and what would help; reset forgets failures', async () => {
  const config =
    '[services.web]\ncommand = ["sh", "-c", "echo no database; exit 3"]\nmax_failures = 1\nbackoff = { initial = "1ms" }\n';
  await using opsd = await startOpsd({ config });
  await opsd.until('web', 'failed');
  const { code, stdout } = await opsd.ctl('why', 'web');
  assert.equal(code, 0);
  assert.match(stdout, /exit code 3[\s\S]*no database[\s\S]*opsd ctl/);
  assert.equal((await opsd.ctl('reset', 'web')).code, 0);
  await waitFor('failures to be forgotten', async () => (await opsd.changes('web')).length > 5);
});

test('wait returns when the state is there, at once or later, or gives up with 2', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  assert.equal((await opsd.ctl('wait', 'web', 'db', '--for', 'running')).code, 0);
  const waiting = opsd.ctl('wait', 'web', '--for', 'stopped', '--timeout', '20s');
  await opsd.order('stop', 'web');
  assert.equal((await waiting).code, 0);
  assert.equal((await opsd.ctl('wait', 'web', '--for', 'running', '--timeout', '50ms')).code, 2);
  assert.equal((await opsd.ctl('wait', 'web', '--for', 'sleepy')).code, 1);
});

test('events tells each change once and in order', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  await opsd.until('db', 'running');
  await opsd.order('restart', 'db');
  const { code, stdout } = await opsd.ctl('events', '--json', '--no-follow', '-n', '1000');
  assert.equal(code, 0);
  const events: { id: number; service: string; from: string; to: string }[] = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ id }) => id),
    events.map((_, i) => (events[0]?.id ?? 0) + i),
  );
  const ofDb = events.filter(({ service }) => service === 'db').map(({ from, to }) => `${from}>${to}`);
  assert.deepEqual(ofDb, [
    'stopped>starting',
    'starting>running',
    'running>stopping',
    'stopping>starting',
    'starting>running',
  ]);
});

test('of two orders that contradict each other the last one wins, and each is answered once', async () => {
  const config =
    '[services.web]\ncommand = ["sh", "-c", \'trap "sleep 0.5; exit 0" TERM; echo ready; while :; do sleep 0.02; done\']\n';
  await using opsd = await startOpsd({ config });
  await waitFor('its trap', async () => (await opsd.output('web')).includes('ready'));
  const restart = opsd.order('restart', 'web');
  await opsd.until('web', 'stopping');
  const [first, second] = await Promise.all([restart, opsd.order('stop', 'web')]);
  assert.equal(first.status, 409);
  assert.match(first.body, /"superseded".*restart of web was superseded by stop/);
  assert.equal(second.status, 200);
  assert.equal((await opsd.status('web')).state, 'stopped');
});

test('over TCP everything can be read and nothing changed', async () => {
  await using opsd = await startOpsd({ config: CONFIG, http: 'on' });
  await opsd.until('web', 'running');
  const tcp = (method: string, path: string) => ask({ host: '127.0.0.1', port: opsd.port }, method, path);
  assert.equal((await tcp('GET', '/.well-known/live')).status, 200);
  await opsd.until('bad', 'failed');
  assert.equal((await tcp('GET', '/.well-known/ready')).status, 503, 'bad is enabled and not up');
  assert.equal(JSON.parse((await tcp('GET', '/api/v1/services')).body).services.length, 4);
  assert.match((await tcp('GET', '/metrics')).body, /^opsd_service_up\{service="web"\} 1$/m);
  for (const path of [
    'services/web/stop',
    'services/web/restart',
    'services/web/signal',
    'reload',
    'handover',
    'shutdown',
  ]) {
    const { status, body } = await tcp('POST', `/api/v1/${path}`);
    assert.equal(status, 403, path);
    assert.ok(JSON.parse(body).error.code, path);
  }
  const missing = await tcp('GET', '/api/v1/services/nobody');
  assert.equal(missing.status, 404);
  assert.deepEqual(Object.keys(JSON.parse(missing.body).error), ['code', 'message']);
  assert.equal((await opsd.status('web')).generation, 1);
});

test('garbage on the socket and stuck clients disturb nobody', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  await opsd.until('web', 'running');
  const clients = [
    '\0\xff\xfe',
    'GET / HTTP/9.9\r\n\r\n',
    'POST /api/v1/reload HTTP/1.1\r\nContent-Length: 99\r\n\r\n',
    '',
  ].map((text) => {
    const client = connect(`${opsd.run}/opsd.sock`);
    client.on('error', () => {});
    client.write(text);
    return client;
  });
  const long = await opsd.api('POST', '/api/v1/reload', { x: 'y'.repeat(200_000) });
  assert.equal(long.status, 413);
  assert.equal((await opsd.api('GET', `/api/v1/services/${'%2e%2e%2f'.repeat(10)}etc`)).status, 404);
  assert.equal((await opsd.ctl('status', 'web')).code, 0);
  for (const client of clients) client.destroy();
});

test('shutdown through ctl returns when all is over', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  const { pid } = await opsd.until('db', 'running');
  assert.equal((await opsd.ctl('shutdown')).code, 0);
  assert.deepEqual(await opsd.daemon.end, { code: 0, signal: null });
  assert.equal(procFile(pid ?? 0, 'stat'), '');
});

test('of an opsd that was stopped every command says so and exits 2, and it goes on as if nothing had been', async () => {
  await using opsd = await startOpsd({ config: CONFIG });
  const { pid } = await opsd.until('db', 'running');
  const orders = ['stop db', 'wait db --for stopped', 'handover', 'shutdown', 'scale db 2'];
  const commands = ['status', 'status --watch', 'why db', 'logs', 'logs -f db', 'events', 'reload --dry-run', 'graph'];
  opsd.kill('SIGSTOP');
  {
    using _goesOn = { [Symbol.dispose]: () => opsd.kill('SIGCONT') };
    const all = [...commands, ...orders.map((order) => `${order} --timeout 1s`)];
    const results = await Promise.all(all.map(async (line) => ({ line, ...(await opsd.ctl(...line.split(' '))) })));
    for (const { line, code, stdout, stderr } of results) {
      assert.deepEqual([line, code, stdout], [line, 2, '']);
      assert.match(stderr, new RegExp(`^opsd: opsd \\(pid ${opsd.daemon.pid}\\) does not answer on .+\\n$`), line);
    }
  }
  assert.equal((await opsd.ctl('status', 'db')).code, 0);
  assert.equal((await opsd.status('db')).pid, pid);
});
