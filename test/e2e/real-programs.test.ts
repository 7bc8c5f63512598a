// Programs from Debian as services: a database that takes its time, a migration that runs once, a web service on top.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { ask, freePort } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';

const isRoot = process.getuid?.() === 0;
const POSTGRES = '/usr/lib/postgresql';
const postgres = existsSync(POSTGRES)
  ? (readdirSync(POSTGRES)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => join(POSTGRES, version, 'bin'))
      .find((bin) => existsSync(join(bin, 'postgres'))) ?? null)
  : null;
const withPostgres = { skip: postgres === null && 'PostgreSQL is missing: apt-get install postgresql' };
const withRedis = {
  skip: !existsSync('/usr/bin/redis-server') && 'Redis is missing: apt-get install redis-server',
};

/** Answers with the number of rows of a table; ends at once when there is no such table. */
const WEB = `#!${process.execPath}
import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
const rows = (done) => execFile('psql', ['-At', '-c', 'select count(*) from visits'], { timeout: 5000 }, done);
rows((error) => {
  if (error) { console.error(error.message); process.exit(1); }
  const server = createServer((request, response) => rows((bad, text) => {
    response.statusCode = bad ? 503 : 200;
    response.end(bad ? bad.message : text.trim());
  }));
  server.listen(process.env.PORT, '127.0.0.1');
  process.on('SIGTERM', () => { server.closeAllConnections(); server.close(); });
});
`;

/** A folder that the database may write to: it refuses to run as root. */
function folderOf(it: Opsd, name: string, user: string): void {
  const folder = join(it.dir, name);
  mkdirSync(folder);
  if (!isRoot) return;
  const id = (option: string) => Number(execFileSync('id', [option, user], { encoding: 'utf8' }));
  chownSync(folder, id('-u'), id('-g'));
  chmodSync(it.dir, 0o755);
}

/** Changes of state in the order in which they were logged since `from`: `db:running`. */
async function steps(it: Opsd, from = 0): Promise<string[]> {
  const log = (await it.log()).slice(from);
  return [...log.matchAll(/state service=(\w+) from=\w+ to=(\w+)/g)].map(([, name, to]) => `${name}:${to}`);
}

function assertOrder(all: readonly string[], ...wanted: string[]): void {
  const places = wanted.map((step) => all.indexOf(step));
  const isInOrder = places.every((place, i) => place >= 0 && (i === 0 || place > (places[i - 1] ?? 0)));
  assert.ok(isInOrder, `expected ${wanted.join(' before ')} in: ${all.join(', ')}`);
}

test(
  'PostgreSQL, a migration and a web service: start, crash, cascade and shutdown in order',
  withPostgres,
  async () => {
    await using it = await startOpsd({ config: '', files: { 'bin/web.mjs': WEB } });
    folderOf(it, 'db', 'postgres');
    const [port, webPort] = [await freePort(), await freePort()];
    const user = isRoot ? 'user = "postgres"\n' : '';
    await it.configure(`
[defaults]
env = { PATH = "${postgres}:/usr/bin:/bin", PGHOST = "127.0.0.1", PGPORT = "${port}", PGUSER = "opsd", PGDATABASE = "postgres", PORT = "${webPort}" }
[services.web]
command = ["${join(it.dir, 'bin/web.mjs')}"]
depends_on = { db = "ready", migrate = "completed" }
ready = { on = "http", url = "/", timeout = "60s" }
[services.migrate]
command = ["psql", "-c", "create table visits (at timestamptz); insert into visits values (now())"]
type = "oneshot"
depends_on = ["db"]
[services.db]
command = ["postgres", "-D", "data", "-p", "${port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
cwd = "${join(it.dir, 'db')}"
${user}stop_signal = "SIGINT"
before_start = { command = ["sh", "-c", "[ -e data/PG_VERSION ] || initdb -A trust -U opsd -D data"], timeout = "60s" }
ready = { on = "exec", command = ["pg_isready", "-q"], timeout = "60s" }
[services.follower]
command = ["sleep", "60"]
depends_on = ["db"]
on_dependency_restart = "restart"
`);
    assert.equal((await it.reload()).status, 200);
    // What starts before its table is there would end at once, and be in backoff.
    await it.until('web', 'running', 60_000);
    const rows = async () => (await ask({ host: '127.0.0.1', port: webPort }, 'GET', '/')).body;
    assert.equal(await rows(), '1');
    await it.until('follower', 'running');
    const started = await steps(it);
    assertOrder(
      started,
      'db:starting',
      'db:running',
      'migrate:starting',
      'migrate:exited',
      'web:starting',
      'web:running',
    );
    assertOrder(started, 'db:running', 'follower:starting');
    assert.ok(!started.includes('web:backoff'), started.join(', '));

    // A crash of the database: it recovers, what wants to is started anew, the migration has been.
    const before = (await it.log()).length;
    const { pid } = await it.status('db');
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await it.until('db', (view) => view.state === 'running' && view.generation === 2, 60_000);
    await it.until('follower', (view) => view.state === 'running' && view.generation === 2);
    await waitFor('an answer from the database', async () => (await rows()) === '1');
    assertOrder(await steps(it, before), 'db:backoff', 'db:running', 'follower:stopping', 'follower:running');
    const kept = await Promise.all([it.status('web'), it.status('migrate')]);
    assert.deepEqual(
      kept.map(({ name, state, generation }) => [name, state, generation]),
      [
        ['web', 'running', 1],
        ['migrate', 'exited', 1],
      ],
    );

    const refused = await it.ctl('stop', 'db');
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /db cannot be stopped alone: needed by web,follower; --cascade stops these first/);
    const cascade = (await it.log()).length;
    const stopped = await it.ctl('stop', 'db', '--cascade');
    assert.equal(stopped.code, 0, stopped.stderr);
    assertOrder(await steps(it, cascade), 'web:stopped', 'db:stopping', 'db:stopped');
    assertOrder(await steps(it, cascade), 'follower:stopped', 'db:stopping');

    // Starting the one on top starts what it needs.
    assert.equal((await it.ctl('start', 'web')).code, 0);
    assert.equal(await rows(), '1');
    const end = (await it.log()).length;
    await it.stop();
    assertOrder(await steps(it, end), 'web:stopped', 'db:stopping', 'db:stopped');
    assert.match(await it.output('db'), /database system is shut down\n$/);
  },
);

test(
  'Redis: a service that needs it waits for its port, and finds its data again after a crash',
  withRedis,
  async () => {
    await using it = await startOpsd({ config: '' });
    const user = isRoot ? 'user = "redis"\n' : '';
    folderOf(it, 'cache', 'redis');
    const port = await freePort();
    await it.configure(`
[services.counter]
command = ["sh", "-c", "redis-cli -e -p ${port} incr starts && exec sleep 60"]
depends_on = ["cache"]
on_dependency_restart = "restart"
[services.cache]
command = ["redis-server", "--port", "${port}", "--bind", "127.0.0.1", "--appendonly", "yes", "--appendfsync", "always"]
cwd = "${join(it.dir, 'cache')}"
${user}before_start = { command = ["sleep", "0.5"], timeout = "5s" }
ready = { on = "tcp", address = "${port}", timeout = "30s" }
health = { exec = ["redis-cli", "-e", "-p", "${port}", "ping"], interval = "200ms", failures = 1 }
`);
    assert.equal((await it.reload()).status, 200);
    await it.until('counter', 'running', 30_000);
    await waitFor('its first count', async () => (await it.output('counter')) === '1\n');
    assertOrder(await steps(it), 'counter:waiting', 'cache:running', 'counter:starting');
    const { pid } = await it.status('cache');
    assert.ok(pid);
    process.kill(pid, 'SIGKILL');
    await waitFor('its second count', async () => (await it.output('counter')) === '1\n2\n', 30_000);
    assert.equal((await it.status('counter')).generation, 2);
  },
);
