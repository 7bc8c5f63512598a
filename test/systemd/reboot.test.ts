// After a reboot: everything enabled is up, nothing of before is believed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './container.ts';
import {
  COUNTER_SERVICE,
  configure,
  editUnit,
  processes,
  SLEEPER_SERVICE,
  service,
  status,
  unit,
} from './supervised.ts';

test('services come up with the host; an operator’s stop is forgotten', async () => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE);
  // systemd-nspawn mounts a boot_id of its own over the host's, which this would hide again.
  await editUnit(host, 'ProtectKernelTunables=no');
  await host.sh('systemctl enable --now opsd && opsd ctl stop sleeper');
  assert.equal((await service(host, 'sleeper')).state, 'stopped');
  await host.reboot();
  await host.until('opsd', async () => (await unit(host, 'ActiveState')) === 'active');
  for (const { name, state, adopted } of (await status(host)).services) {
    assert.deepEqual([name, state, adopted], [name, 'running', false]);
  }
});

test('a reboot of the host stops the services: it is no restart of opsd', async () => {
  await using host = await container();
  await host.write(
    '/srv/data/app/polite',
    '#!/bin/sh\ntrap "echo bye >>/srv/data/app/bye; exit" TERM\nsleep 1000 & wait\n',
  );
  await configure(host, '[services.polite]\ncommand = ["/srv/data/app/polite"]\n');
  await host.sh('systemctl enable --now opsd');
  await host.reboot();
  assert.equal(await host.sh('cat /srv/data/app/bye'), 'bye');
  await host.until('opsd', async () => (await unit(host, 'ActiveState')) === 'active');
  assert.equal((await service(host, 'polite')).adopted, false);
});

test('PID files of before the reboot name processes of other people now: none of those is signalled', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl enable --now opsd');
  const remembered = await host.sh('cat /srv/run/opsd.state.json');
  await host.sh('cp -r /srv/run /root/run && systemctl disable opsd');
  await host.reboot();
  // The crash of a whole host: the files are there, and PID 1 and its neighbours are what they name.
  await host.sh('rm -rf /srv/run && cp -r /root/run /srv/run');
  assert.equal(await host.sh('cat /srv/run/opsd.state.json'), remembered);
  await host.sh('systemd-run --quiet --unit=stranger sleep 2000');
  const stranger = await host.sh('systemctl show stranger -p MainPID --value');
  const old = await host.sh('cat /srv/run/sleeper.pid');
  assert.match(remembered, new RegExp(`"pid":${old}\\b`));
  await host.sh(
    `sed -i 's/\\b${old}\\b/${stranger}/g' /srv/run/opsd.state.json && echo ${stranger} >/srv/run/sleeper.pid`,
  );
  await host.sh('systemctl start opsd && opsd ctl restart sleeper && systemctl stop opsd');
  assert.equal(
    await host.sh('systemctl show stranger -p MainPID,ActiveState --value | tr "\\n" " "'),
    `${stranger} active `,
  );
  assert.deepEqual(await processes(host), []);
});
