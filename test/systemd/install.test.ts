// What `make install` puts where, and that it never takes away what a person changed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOURCE } from './base.ts';
import { container } from './container.ts';

test('the folders have their modes, the command works without any other node', async (t) => {
  await using host = await container();
  const modes = await host.sh(
    'cd /srv && stat -c "%a %U %n" key run data/opsd opsd opsd/cfg opsd/log opsd/tmp opsd/cfg/config.toml',
  );
  assert.deepEqual(modes.split('\n'), [
    '700 root key',
    '755 root run',
    '700 root data/opsd',
    '755 root opsd',
    '755 root opsd/cfg',
    '755 root opsd/log',
    '755 root opsd/tmp',
    '644 root opsd/cfg/config.toml',
  ]);
  assert.match(await host.sh('env -i PATH=/usr/bin:/bin /usr/local/bin/opsd --version'), /\d+\.\d+\.\d+/);
  assert.match(await host.sh('ls -l /srv/opsd/lib/current'), /current -> 0\.\d+\.\d+-[0-9a-f]{12}$/);
  t.diagnostic(`runtime: ${await host.sh('du -shL /srv/opsd/lib/current | cut -f 1')}`);
});

test('systemd has nothing to say about the unit, and rates its sandbox', async (t) => {
  await using host = await container();
  const verified = await host.run('systemd-analyze verify /etc/systemd/system/opsd.service');
  assert.deepEqual(verified, { code: 0, stdout: '', stderr: '' });
  const overall = async () =>
    (await host.sh('systemd-analyze security --no-pager opsd | tail -n 1')).replace(/^\W+/, '');
  t.diagnostic(`as shipped: ${await overall()}`);
  await host.sh(`sed -i -E 's/^#([A-Z][A-Za-z]+=)/\\1/; /^(User|NotifyAccess|AmbientCapabilities)=/d' ${DROP_IN}`);
  await host.sh('systemctl daemon-reload');
  t.diagnostic(`with all of the drop-in: ${await overall()}`);
  assert.deepEqual(await host.run('systemd-analyze verify /etc/systemd/system/opsd.service'), verified);
});

test('an installation over another one keeps what a person changed, and replaces what nobody did', async () => {
  await using host = await container();
  const unit = await host.sh('cat /etc/systemd/system/opsd.service');
  await host.sh('echo "# mine" >>/srv/opsd/cfg/config.toml && cp /srv/opsd/cfg/config.toml /root/mine.toml');
  await host.sh('chmod 0750 /srv/opsd/log');
  await host.sh(`${NEXT_VERSION} && echo "# of the next version" | tee -a systemd/opsd.service >>cfg/config.toml`);

  const said = await host.sh('cd /root/next && systemd/install.sh');

  assert.match(said, /kept \/srv\/opsd\/cfg\/config\.toml .*config\.toml\.new\n/);
  await host.sh('cmp /root/mine.toml /srv/opsd/cfg/config.toml');
  await host.sh('cmp /root/next/cfg/config.toml /srv/opsd/cfg/config.toml.new');
  assert.equal(await host.sh('cat /etc/systemd/system/opsd.service'), `${unit}\n# of the next version`);
  assert.equal(await host.sh('stat -c %a /srv/opsd/log'), '750');
  assert.match(await host.sh('readlink /srv/opsd/lib/current'), /^9\.9\.9-/);

  // A version that ships the same configuration has nothing new to show.
  await host.sh('rm /srv/opsd/cfg/config.toml.new');
  await host.sh(`sed -i 's/9\\.9\\.9/9.9.10/' /root/next/package.json && /root/next/systemd/install.sh`);
  await host.sh('! test -e /srv/opsd/cfg/config.toml.new && cmp /root/mine.toml /srv/opsd/cfg/config.toml');
});

test('the version before stays as the way back, older ones go, and no second copy of node is made', async () => {
  await using host = await container();
  const first = await host.sh('readlink /srv/opsd/lib/current');
  await host.sh(`${NEXT_VERSION} && systemd/install.sh`);
  const second = await host.sh('readlink /srv/opsd/lib/current');
  assert.deepEqual((await host.sh('ls /srv/opsd/lib')).split('\n').sort(), ['current', first, second].sort());
  await host.sh(`sed -i 's/9\\.9\\.9/9.9.10/' /root/next/package.json && /root/next/systemd/install.sh`);
  const third = await host.sh('readlink /srv/opsd/lib/current');
  assert.deepEqual((await host.sh('ls /srv/opsd/lib')).split('\n').sort(), ['current', second, third].sort());
  assert.equal(await host.sh(`stat -c %h /srv/opsd/lib/${third}/bin/node`), '2');
});

test('other places are written into the command and the unit', async () => {
  await using host = await container();
  await host.sh(`make --no-print-directory -C ${SOURCE} install PREFIX=/opt/ops BINDIR=/opt/bin UNITDIR=/opt/units`);
  const unit = await host.sh('cat /opt/units/opsd.service');
  assert.match(unit, /^ExecStart=\/opt\/bin\/opsd run$/m);
  assert.match(unit, /^WorkingDirectory=\/opt\/ops\/opsd$/m);
  assert.doesNotMatch(unit, /\/srv\b/);
  assert.match(await host.sh('/opt/bin/opsd --version'), /\d+\.\d+\.\d+/);
  await host.sh('test -d /opt/ops/key');
});

test('what cannot be installed is refused in one line', async () => {
  await using host = await container();
  const relative = await host.run(`make --no-print-directory -C ${SOURCE} install PREFIX=here`);
  assert.equal(relative.code, 2);
  assert.match(relative.stderr, /make install: 'here' is not absolute: PREFIX, BINDIR and UNITDIR begin with \//);
  const spaced = await host.run(`make --no-print-directory -C ${SOURCE} install PREFIX='/opt/my ops'`);
  assert.match(spaced.stderr, /make install: '\/opt\/my ops' has a character/);
  const denied = await host.run(`${SOURCE}/systemd/install.sh`, 'nobody');
  assert.equal(denied.code, 1);
  assert.match(
    denied.stderr,
    /^make install: cannot write to \/srv\/opsd\/lib: run it as root, or choose a PREFIX of your own\n$/,
  );
});

const DROP_IN = '/etc/systemd/system/opsd.service.d/hardening.conf';

/** What a person who pulled and built a newer version has. */
const NEXT_VERSION = [
  'mkdir /root/next && cd /root/next',
  `cp -r ${SOURCE}/{dist,cfg,systemd,package.json,package-lock.json} .`,
  `ln -s ${SOURCE}/node_modules node_modules`,
  `sed -i 's/"version": "[^"]*"/"version": "9.9.9"/' package.json`,
].join(' && ');
