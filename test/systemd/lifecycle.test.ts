// opsd as a unit: systemctl start, status, restart, reload, stop, and what they leave behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { container } from './container.ts';
import {
  COUNTER_SERVICE,
  configure,
  daemonPid,
  editUnit,
  FAMILY_SERVICE,
  nextDaemon,
  processes,
  SLEEPER_SERVICE,
  service,
  status,
  unit,
} from './supervised.ts';

test('what make install put there runs as it is', async (t) => {
  await using host = await container();
  const began = performance.now();
  await host.sh('systemctl enable --now opsd');
  t.diagnostic(`systemctl start took ${Math.round(performance.now() - began)} ms`);
  assert.equal(await unit(host, 'ActiveState'), 'active');
  assert.deepEqual((await status(host)).services, [], 'what is installed supervises nothing yet');
});

test('start returns when every enabled service was started; systemctl status has the counts', async () => {
  await using host = await container();
  await configure(
    host,
    COUNTER_SERVICE,
    SLEEPER_SERVICE,
    FAMILY_SERVICE,
    `${SLEEPER_SERVICE}enabled = false\n`.replace('sleeper', 'spare'),
  );
  await host.sh('systemctl start opsd');
  const states = Object.fromEntries((await status(host)).services.map(({ name, state }) => [name, state]));
  assert.deepEqual(states, { counter: 'running', sleeper: 'running', family: 'running', spare: 'stopped' });
  for (const name of ['counter', 'sleeper', 'family']) {
    const { pid } = await service(host, name);
    assert.equal(await host.sh(`cat /srv/run/${name}.pid`), String(pid));
  }
  assert.equal(await host.sh('cat /srv/run/opsd.pid'), String(await daemonPid(host)));
  await host.until('the counts in the status', async () => /\b3\b/.test(await unit(host, 'StatusText')));
  assert.match(await host.sh('systemctl status opsd --no-pager'), /Status: ".*\b3\b.*"/);
});

test('the journal has one line for each change of state', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd && opsd ctl restart sleeper && systemctl stop opsd');
  const journal = await host.sh('journalctl -u opsd -o cat --no-pager');
  const changes = [...journal.matchAll(/ state service=sleeper from=(\w+) to=(\w+) /g)].map(
    ([, from, to]) => `${from}>${to}`,
  );
  const way = changes.join(' ');
  assert.match(way, /^stopped>(starting|running)/, journal);
  assert.match(way, /running>stopping stopping>(stopped|starting)/, journal);
  assert.match(way, />stopped$/, journal);
});

test('stop leaves no process and no PID file, not of the stubborn, not of those who left', async () => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE, FAMILY_SERVICE);
  await host.sh('systemctl start opsd');
  await host.until('the whole family', async () => (await processes(host)).length >= 7);
  await host.sh('systemctl stop opsd');
  assert.deepEqual(await processes(host), []);
  assert.deepEqual(
    (await host.sh('ls /srv/run')).split('\n').filter((name) => name.endsWith('.pid')),
    [],
  );
  assert.equal(await unit(host, 'ActiveState'), 'inactive');
  assert.equal(await unit(host, 'Result'), 'success');
  assert.equal(await unit(host, 'NRestarts'), '0');
});

test('opsd ctl shutdown stops the unit: systemd does not start it again', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd && opsd ctl shutdown');
  await host.until('the end of the unit', async () => (await unit(host, 'ActiveState')) === 'inactive');
  assert.equal(await unit(host, 'Result'), 'success');
  assert.equal(await unit(host, 'NRestarts'), '0');
  assert.deepEqual(await processes(host), []);
});

test('systemctl reload applies the difference, and touches nothing else', async () => {
  await using host = await container();
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const [counter, daemon] = [await service(host, 'counter'), await daemonPid(host)];
  await configure(host, COUNTER_SERVICE, SLEEPER_SERVICE.replace('1000', '1005'));
  await host.sh('systemctl reload opsd');
  await host.until('the new sleeper', async () => (await processes(host)).some((line) => line.includes('sleep 1005')));
  assert.equal((await service(host, 'counter')).pid, counter.pid);
  assert.equal(await daemonPid(host), daemon);
});

test('a reload of a bad configuration fails, the journal says where, all runs on', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemctl start opsd');
  const before = await service(host, 'sleeper');
  await configure(host, SLEEPER_SERVICE, 'stop_timout = "5s"');
  assert.notEqual((await host.run('systemctl reload opsd')).code, 0);
  assert.match(await host.sh('journalctl -u opsd -o cat --no-pager'), /config\.toml:\d+.*stop_timout.*stop_timeout/);
  assert.equal(await unit(host, 'ActiveState'), 'active');
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
});

test('a configuration error is not restarted, and starts nothing', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE, '[services.other]\ncomand = ["sleep", "1"]');
  assert.notEqual((await host.run('systemctl start opsd')).code, 0);
  // RestartSec is 100 ms: had systemd wanted to restart it, it would be `activating` now, or have counted.
  assert.equal(await unit(host, 'ActiveState'), 'failed');
  assert.equal(await unit(host, 'ExecMainStatus'), '1');
  assert.equal(await unit(host, 'NRestarts'), '0');
  assert.match(await host.sh('journalctl -u opsd -o cat --no-pager'), /config\.toml:\d+.*comand.*command/);
  assert.deepEqual(await processes(host), []);
});

test('a second opsd on the same PREFIX names the first, and is tried again until that is gone', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  await host.sh('systemd-run --quiet --unit=first --working-directory=/srv/opsd opsd run');
  await host.until('the first', async () => (await host.run('opsd ctl status')).code === 0);
  const first = await host.sh('systemctl show first -p MainPID --value');
  await host.run('systemctl start --no-block opsd');
  await host.until('two tries', async () => Number(await unit(host, 'NRestarts')) >= 2, 20_000);
  const journal = await host.sh('journalctl -u opsd -o cat --no-pager');
  assert.match(journal, new RegExp(`\\b${first}\\b`));
  assert.match(journal, /Main process exited, code=exited, status=2/);
  assert.equal((await processes(host)).filter((line) => line.includes('sleep 1000')).length, 1);
  await host.sh('systemctl stop first');
  await host.until('the start', async () => (await unit(host, 'ActiveState')) === 'active', 20_000);
  assert.equal((await processes(host)).filter((line) => line.includes('sleep 1000')).length, 1);
});

test('a bug is no configuration error: a daemon that ends of one is replaced', async () => {
  await using host = await container();
  await configure(host, SLEEPER_SERVICE);
  const bug = "setInterval(() => { if (require('node:fs').existsSync('/root/bug')) throw new Error('a bug'); }, 100);";
  await host.write('/root/bug.cjs', bug);
  await editUnit(host, 'Environment=NODE_OPTIONS=--require=/root/bug.cjs');
  await host.sh('systemctl start opsd');
  const [daemon, before] = [await daemonPid(host), await service(host, 'sleeper')];
  await host.sh(`touch /root/bug && tail --pid=${daemon} -f /dev/null && rm /root/bug`);
  await nextDaemon(host, daemon, 30_000);
  assert.match(await host.sh('journalctl -u opsd -o cat --no-pager'), /a bug/);
  assert.equal((await service(host, 'sleeper')).pid, before.pid);
});
