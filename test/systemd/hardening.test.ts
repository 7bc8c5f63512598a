// The sandbox drop-in: with each of its lines on, opsd does all that it does; without root, too.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './container.ts';
import {
  COUNTER_SERVICE,
  configure,
  daemonPid,
  editUnit,
  FAMILY_SERVICE,
  moreLines,
  nextDaemon,
  processes,
  service,
  status,
  unit,
} from './supervised.ts';

const DROP_IN = '/etc/systemd/system/opsd.service.d/hardening.conf';

test('with all of the sandbox on, services run, are adopted, and are stopped', async () => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, FAMILY_SERVICE);
  await host.sh(`sed -i -E 's/^#([A-Z][A-Za-z]+=)/\\1/; /^(User|NotifyAccess|AmbientCapabilities)=/d' ${DROP_IN}`);
  await host.sh('systemctl daemon-reload && systemctl start opsd');
  await moreLines(host, 10);
  const [daemon, { pid }] = [await daemonPid(host), await service(host, 'counter')];
  await host.sh('opsd ctl handover');
  const after = await nextDaemon(host, daemon);
  assert.equal(after.services.find(({ name }) => name === 'counter')?.pid, pid);
  await moreLines(host, 10);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
});

test('as a user of its own, without any privilege', async () => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, FAMILY_SERVICE);
  await host.sh('useradd -r opsd && chown -R opsd /srv/key /srv/run /srv/data /srv/opsd/log /srv/opsd/tmp');
  await editUnit(host, 'User=opsd\nNotifyAccess=all\nWatchdogSec=3');
  await host.sh('systemctl start opsd');
  await moreLines(host, 10);
  const before = await status(host);
  await host.sh(`kill -9 ${before.daemon.pid}`);
  const after = await nextDaemon(host, before.daemon.pid);
  assert.deepEqual(
    after.services.map(({ name, pid }) => [name, pid]),
    before.services.map(({ name, pid }) => [name, pid]),
  );
  // 200 lines take four seconds and more: the watchdog heard of it meanwhile.
  await moreLines(host, 200);
  assert.equal(await daemonPid(host), after.daemon.pid);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
  assert.equal(await unit(host, 'Result'), 'success');
});
