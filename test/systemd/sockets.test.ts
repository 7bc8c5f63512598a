// Sockets of a real .socket unit, as the example has it: neither a restart of a service nor of opsd loses a connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './container.ts';
import type { Machine } from './machine.ts';
import { configure, nextDaemon, SLEEPER_SERVICE, service, status, unit } from './supervised.ts';

const NODE = '/srv/opsd/lib/current/bin/node';
const WEB = `[services.web]\ncommand = ["${NODE}", "/srv/data/app/server.mjs"]\nsockets = ["web"]\n`;
const SERVER = `import { createServer } from 'node:net';
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', () => socket.end(String(process.pid)));
});
server.listen({ fd: 3 });
process.on('SIGTERM', () => server.close(() => process.exit(0)));
`;
/** Eight clients, each with one connection after the other; writes down how they fared. */
const LOAD = `import { connect } from 'node:net';
import { renameSync, writeFileSync } from 'node:fs';
const outcome = { answered: 0, failures: {}, isOver: false };
const ask = () => new Promise((resolve) => {
  const socket = connect(8080, '127.0.0.1');
  let got = '';
  socket.on('data', (bytes) => { got += bytes; });
  socket.on('error', (error) => resolve(error.code));
  socket.on('close', () => resolve(got === '' ? 'closed' : null));
  socket.write('?');
});
const work = async () => {
  while (!outcome.isOver) {
    const failure = await ask();
    if (failure === null) outcome.answered++;
    else outcome.failures[failure] = (outcome.failures[failure] ?? 0) + 1;
  }
};
const write = () => {
  writeFileSync('/root/load.new', JSON.stringify(outcome));
  renameSync('/root/load.new', '/root/load.json');
};
const timer = setInterval(write, 50);
process.on('SIGTERM', () => { outcome.isOver = true; });
await Promise.all(Array.from({ length: 8 }, work));
clearInterval(timer);
write();
`;

async function outcome(host: Machine) {
  const told: { answered: number; failures: Record<string, number>; isOver: boolean } = JSON.parse(
    await host.sh('cat /root/load.json'),
  );
  return told;
}

/** Waits for that many more answers. */
async function more(host: Machine, count: number): Promise<void> {
  const { answered } = await outcome(host);
  await host.until(`${count} more answers`, async () => (await outcome(host)).answered >= answered + count, 30_000);
}

async function startLoad(host: Machine): Promise<void> {
  await host.write('/root/load.mjs', LOAD);
  await host.sh(`systemd-run --quiet --unit=load ${NODE} /root/load.mjs`);
  await host.until('the first answers', async () => {
    const { code } = await host.run('test -e /root/load.json');
    return code === 0 && (await outcome(host)).answered > 0;
  });
}

async function copyExample(host: Machine): Promise<void> {
  await host.sh('cp /srv/opsd/cfg/examples/opsd.socket /etc/systemd/system/ && systemctl daemon-reload');
  assert.deepEqual(await host.run('systemd-analyze verify /etc/systemd/system/opsd.socket'), {
    code: 0,
    stdout: '',
    stderr: '',
  });
}

const isUp = async (host: Machine) => (await service(host, 'web')).state === 'running';

test('it is installed as an example, and nothing is enabled', async () => {
  await using host = await container();
  await host.sh('test -e /srv/opsd/cfg/examples/opsd.socket && ! test -e /etc/systemd/system/opsd.socket');
});

test('under load: restarts of the service, and every end of opsd, lose no connection', async (t) => {
  await using host = await container();
  await host.write('/srv/data/app/server.mjs', SERVER);
  await configure(host, WEB);
  await copyExample(host);
  await host.sh('systemctl start opsd.socket && systemctl start opsd');
  await host.until('the service', () => isUp(host));
  await startLoad(host);

  await host.sh('opsd ctl restart web && opsd ctl restart web');
  await more(host, 200);

  const { pid } = await service(host, 'web');
  const first = (await status(host)).daemon.pid;
  await host.sh(`kill -9 ${first}`);
  const second = await nextDaemon(host, first);
  assert.deepEqual(
    second.services.map((view) => [view.pid, view.adopted]),
    [[pid, true]],
  );
  await more(host, 200);
  await host.sh('opsd ctl restart web');
  await more(host, 200);

  await host.sh('opsd ctl handover');
  const third = await nextDaemon(host, second.daemon.pid);
  await host.sh('opsd ctl restart web');
  await more(host, 200);

  // Which stops and starts the services, too: who connects meanwhile waits.
  await host.sh('systemctl restart opsd');
  await nextDaemon(host, third.daemon.pid);
  await more(host, 200);

  await host.sh('systemctl stop load');
  const { answered, failures, isOver } = await outcome(host);
  t.diagnostic(`${answered} connections were answered`);
  assert.deepEqual([failures, isOver], [{}, true]);
  await host.sh('systemctl stop opsd.socket opsd');
});

test('a connection starts opsd, and that the service', async () => {
  await using host = await container();
  await host.write('/srv/data/app/server.mjs', SERVER);
  await configure(host, WEB);
  await copyExample(host);
  await host.sh('systemctl start opsd.socket');
  assert.equal(await unit(host, 'ActiveState'), 'inactive');
  await startLoad(host);
  assert.equal(await unit(host, 'ActiveState'), 'active');
  // One after the other: systemd stops them side by side, and who still connects is refused.
  await host.sh('systemctl stop load');
  await host.sh('systemctl stop opsd.socket opsd');
  assert.deepEqual((await outcome(host)).failures, {});
});

test('as the example says: the first socket comes to an opsd that runs, and its services run on', async () => {
  await using host = await container();
  await host.write('/srv/data/app/server.mjs', SERVER);
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const before = await service(host, 'sleeper');
  await copyExample(host);
  await configure(host, SLEEPER_SERVICE, WEB);

  const recipe = await host.sh(
    "sed -n 's/^# *\\(until systemctl start opsd.socket;\\)/\\1/p' /etc/systemd/system/opsd.socket",
  );
  assert.notEqual(recipe, '');
  await host.sh(recipe);

  await host.until('the service', async () => (await host.run('opsd ctl status web')).code === 0);
  const after = await service(host, 'sleeper');
  assert.deepEqual([after.pid, after.generation], [before.pid, before.generation]);
  await startLoad(host);
  await host.sh('systemctl stop load opsd.socket opsd');
});

test('opsd check asks systemd what sockets there are', async () => {
  await using host = await container();
  await configure(host, WEB);
  const check = async () => (await host.run('opsd check --config /srv/opsd/cfg/config.toml')).stderr;
  assert.match(await check(), /services\.web\.sockets +no socket is named "web", .*; opsd is given no sockets;/);
  await copyExample(host);
  await host.sh('systemctl start opsd.socket');
  assert.doesNotMatch(await check(), /socket/);
  await configure(host, WEB.replace('["web"]', '["wbe"]'));
  assert.match(await check(), /opsd is given "web"; did you mean "web"\?/);
});

test('without its socket the service fails, and the journal says what is missing', async () => {
  await using host = await container();
  await configure(host, WEB, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  await host.until('the failure', async () => (await service(host, 'web')).state === 'failed');
  assert.equal((await service(host, 'sleeper')).state, 'running');
  assert.match(
    await host.sh('journalctl -u opsd -o cat --no-pager'),
    /CRITICAL alert service=web .*opsd was given no socket named .*web.*name it in a \.socket unit/,
  );
});
