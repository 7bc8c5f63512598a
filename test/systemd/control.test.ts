// Who may order what through the control socket: root, members of its group, nobody else.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './container.ts';
import { configure, SLEEPER_SERVICE, service } from './supervised.ts';

const SHARED = '[daemon]\nhttp = ""\nsocket_mode = "0660"\nsocket_group = "operators"\n';

/** olga is in the group, guido is not. */
async function sharedHost() {
  await using cleanup = new AsyncDisposableStack();
  const host = cleanup.use(await container());
  await host.sh('groupadd operators && useradd -m -G operators olga && useradd -m guido');
  await configure(host, SHARED, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  cleanup.move();
  return host;
}

test('root restarts a service, and has the prompt back when it is up', async () => {
  await using host = await sharedHost();
  const before = await service(host, 'sleeper');
  await host.sh('opsd ctl restart sleeper');
  const after = await service(host, 'sleeper');
  assert.equal(after.state, 'running');
  assert.equal(after.generation, before.generation + 1);
  assert.notEqual(after.pid, before.pid);
});

test('so does a member of the socket group', async () => {
  await using host = await sharedHost();
  assert.equal(await host.sh('stat -c "%a %U %G" /srv/run/opsd.sock'), '660 root operators');
  const before = await service(host, 'sleeper');
  await host.sh('opsd ctl restart sleeper', 'olga');
  const after = await service(host, 'sleeper');
  assert.equal(after.state, 'running');
  assert.equal(after.generation, before.generation + 1);
});

test('anyone else is told that it is a matter of permission, and nothing happens', async () => {
  await using host = await sharedHost();
  const before = await service(host, 'sleeper');
  const { code, stderr } = await host.run('opsd ctl restart sleeper', 'guido');
  assert.equal(code, 2);
  assert.match(stderr, /permission/i);
  assert.match(stderr, /opsd\.sock/);
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
});

test('without a daemon the command says so, and how to start it', async () => {
  await using host = await sharedHost();
  await host.sh('systemctl stop opsd');
  const { code, stderr } = await host.run('opsd ctl status');
  assert.equal(code, 2);
  assert.match(stderr, /not running/);
});
