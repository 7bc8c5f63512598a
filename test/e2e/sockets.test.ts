// Listening sockets that opsd was given: passed on to who asks for them, to nobody else, and no connection is lost.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { activate, Load } from '../support/activated.ts';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

/** Answers each connection on its first socket, and goes when it has answered all that it accepted. */
const SERVER = `import { createServer } from 'node:net';
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.end(String(process.pid)));
});
server.listen({ fd: 3 });
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;
const NODE = JSON.stringify(process.execPath);
const WEB = `[services.web]\ncommand = [${NODE}, "server.mjs"]\nsockets = ["web"]\n`;
const FILES = { 'server.mjs': SERVER };

/** Says what it was born with. */
const TELL = [
  'echo "pid $$ for $LISTEN_PID, $LISTEN_FDS: $LISTEN_FDNAMES, ready on $OPSD_NOTIFY_FD"',
  // Not through a pipe, which would be one of them.
  String.raw`ls -l /proc/$$/fd >fds.$$; sed -n 's/.* \([3-9]\) -> \([^:]*\).*/\1 \2/p' fds.$$`,
  'echo that is all',
  '[ -z "$OPSD_NOTIFY_FD" ] || eval "echo >&$OPSD_NOTIFY_FD"; exec sleep 1000',
].join('; ');
const telling = (name: string, more: string) =>
  `[services.${name}]\ncommand = ["sh", "-c", ${JSON.stringify(TELL)}]\n${more}\n`;

/** A hook or a probe that writes down what it was born with, into a file of its own. */
const noting = (file: string) => {
  const script = `{ env; readlink /proc/$$/fd/*; } >${file}.new; mv ${file}.new ${file}`;
  return `["sh", "-c", ${JSON.stringify(script)}]`;
};

/** The two ways to spawn. */
for (const NODE_OPTIONS of ['', '--no-experimental-ffi']) {
  test(`a service has the sockets it names, in that order, and knows that it is meant; no other has any ${NODE_OPTIONS}`, async () => {
    const config = [
      telling(
        'two',
        [
          'sockets = ["admin", "web"]\nready = "fd"',
          `before_start = ${noting('before')}\nafter_stop = ${noting('after')}`,
          `health = { exec = ${noting('probe')}, interval = "50ms" }`,
        ].join('\n'),
      ),
      telling('one', 'sockets = ["web"]\numask = "077"'),
      telling('none', 'pass_env = ["LISTEN_FDS", "LISTEN_PID"]'),
    ].join('');
    await using opsd = await activate(['web', 'admin'], { config, env: { NODE_OPTIONS } });
    const said = async (service: string) => {
      const text = await waitFor(`what ${service} says`, async () => {
        const log = await opsd.place.read(`log/${service}.log`);
        return log.includes('that is all') && log;
      });
      return text.trim().split('\n').slice(0, -1);
    };
    const pid = async (service: string) => (await opsd.until(service, () => true)).pid;
    const own = await pid('two');
    assert.deepEqual(await said('two'), [
      `pid ${own} for ${own}, 2: admin:web, ready on 5`,
      '3 socket',
      '4 socket',
      `5 ${opsd.place.run}/notify/two.1`,
    ]);
    const one = await pid('one');
    assert.deepEqual(await said('one'), [`pid ${one} for ${one}, 1: web, ready on `, '3 socket']);
    const none = await pid('none');
    assert.deepEqual(await said('none'), [`pid ${none} for , : , ready on `]);
    await waitFor('a probe', async () => (await opsd.place.read('probe')) !== '');
    assert.equal((await opsd.place.ctl('stop', 'two')).code, 0);
    for (const who of ['before', 'probe', 'after']) {
      const born = await opsd.place.read(who);
      assert.match(born, /^OPSD_SERVICE=two$/m, who);
      assert.doesNotMatch(born, /^LISTEN_|^socket:/m, who);
    }
    assert.match(await opsd.place.log(), /given sockets name=web count=1\n/);
  });
}

test('under load: a restart of the service, of opsd and a crash of opsd lose no connection', async () => {
  await using opsd = await activate(['web'], { config: WEB, files: FILES });
  await opsd.until('web', ({ state }) => state === 'running');
  const load = new Load(opsd.ports[0] ?? 0, 8);
  {
    await using _load = load;
    await load.more(100);
    for (let round = 0; round < 3; round++) {
      assert.equal((await opsd.place.ctl('restart', 'web')).code, 0);
      await load.more(100);
    }
    const { pid } = await opsd.until('web', ({ state }) => state === 'running');
    const first = (await opsd.status())?.daemon.pid ?? 0;
    process.kill(first, 'SIGKILL');
    const second = await opsd.next(first);
    assert.deepEqual(
      second.services.map((view) => [view.state, view.pid, view.adopted]),
      [['running', pid, true]],
    );
    await load.more(100);
    // The next daemon was given the same socket.
    assert.equal((await opsd.place.ctl('restart', 'web')).code, 0);
    await load.more(100);
    assert.equal((await opsd.place.ctl('handover', '--no-wait')).code, 0);
    await opsd.next(second.daemon.pid);
    assert.equal((await opsd.place.ctl('restart', 'web')).code, 0);
    await load.more(100);
  }
  assert.deepEqual(load.outcome.failures, []);
});

test('under load: kill -9 of the service refuses nobody', async () => {
  const config = `${WEB}backoff = { initial = "10ms" }\n`;
  await using opsd = await activate(['web'], { config, files: FILES });
  const load = new Load(opsd.ports[0] ?? 0, 8);
  {
    await using _load = load;
    for (let round = 0; round < 5; round++) {
      const { pid } = await opsd.until('web', ({ state }) => state === 'running');
      await load.more(50);
      process.kill(pid ?? 0, 'SIGKILL');
      await opsd.until('web', (view) => view.state === 'running' && view.pid !== pid);
    }
    await load.more(50);
  }
  // Those it had accepted died with it; those that waited did not.
  assert.ok(load.outcome.failures.length <= 5 * 8, String(load.outcome.failures.length));
  const others = load.outcome.failures.filter((failure) => failure !== 'ECONNRESET' && failure !== 'closed');
  assert.deepEqual(others, []);
});

test('instances share a socket, and are restarted one after the other', async () => {
  const config = `${WEB}instances = 2\n`;
  await using opsd = await activate(['web'], { config, files: FILES });
  for (const name of ['web@1', 'web@2']) await opsd.until(name, ({ state }) => state === 'running');
  const load = new Load(opsd.ports[0] ?? 0, 8);
  {
    await using _load = load;
    for (const name of ['web@1', 'web@2']) {
      assert.equal((await opsd.place.ctl('restart', name)).code, 0);
      await load.more(50);
    }
    assert.equal((await opsd.place.ctl('scale', 'web', '3')).code, 0);
    await load.more(50);
    assert.equal((await opsd.place.ctl('scale', 'web', '1')).code, 0);
    await load.more(50);
  }
  assert.deepEqual(load.outcome.failures, []);
});

test('a service whose socket is not there fails for good, and says what to do', async () => {
  const config = `${WEB}[services.other]\ncommand = ["sleep", "1000"]\n`;
  await using opsd = await startOpsd({ config, files: FILES });
  const { reason } = await opsd.until('web', 'failed');
  assert.match(reason, /opsd was given no socket named "web"; it was given none at all: name it in a \.socket unit/);
  assert.equal((await opsd.status('web')).next_attempt_at, null);
  assert.equal((await opsd.status('other')).state, 'running');
  await opsd.logged(
    /\[WARN\] configuration .*services\.web\.sockets.*no socket is named .*web.*cannot start without it/,
  );
  assert.match((await opsd.ctl('why', 'web')).stdout, /was given no socket named "web"/);
});

test('it is tried again by an opsd that was given the socket, and runs on under one that was not', async () => {
  await using opsd = await activate(['web'], { config: WEB, files: { ...FILES, 'ports.withheld': '' } });
  // Not by a crash: it is to know what the one before it knew.
  const handOver = async () => {
    const pid = (await opsd.status())?.daemon.pid ?? 0;
    assert.equal((await opsd.place.ctl('handover', '--no-wait')).code, 0);
    await opsd.next(pid);
  };
  const { generation } = await opsd.until('web', ({ state }) => state === 'failed');
  await handOver();
  assert.equal((await opsd.until('web', ({ state }) => state === 'failed')).generation, generation, 'no try in vain');
  await rm(join(opsd.place.dir, 'ports.withheld'));
  await handOver();
  const { pid } = await opsd.until('web', ({ state }) => state === 'running');
  await opsd.place.write('ports.withheld', '');
  await handOver();
  await opsd.until('web', (view) => view.state === 'running' && view.pid === pid && view.adopted);
});

test('another name, or one more, takes a new process', async () => {
  await using opsd = await activate(['web', 'admin'], { config: WEB, files: FILES });
  const { pid } = await opsd.until('web', ({ state }) => state === 'running');
  await opsd.place.configure(WEB.replace('["web"]', '["web", "admin"]'));
  assert.match((await opsd.place.ctl('reload')).stdout, /web {2}restarted\n +sockets {2}\["web"\] → \["web","admin"\]/);
  await opsd.until('web', (view) => view.state === 'running' && view.pid !== pid);
  await opsd.place.configure(WEB.replace('["web"]', '["wbe"]'));
  await opsd.place.ctl('reload');
  const { reason } = await opsd.until('web', ({ state }) => state === 'failed');
  assert.match(reason, /no socket named "wbe"; it has "web", "admin"/);
  assert.match(await opsd.place.log(), /did you mean .*web/);
});
