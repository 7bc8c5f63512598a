// Prepared failures: whoever reads nothing but `opsd ctl why` finds the cause, the evidence, what is next, and help.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { without } from '../support/capabilities.ts';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

const QUICK = 'backoff = { initial = "5s", max = "5s" }\n';

interface Told {
  /** The first line. */
  readonly cause: string;
  readonly evidence: string;
  readonly wrote: string;
  readonly next: string;
  readonly help: string;
}

async function why(opsd: Opsd, service: string): Promise<Told> {
  const { code, stdout, stderr } = await opsd.ctl('why', service);
  assert.equal(code, 0, stderr);
  const [head = '', ...parts] = stdout.split(/\n(?=Evidence$|Last lines of output$|Next$|What would help$)/m);
  const part = (title: string) => parts.find((each) => each.startsWith(`${title}\n`))?.slice(title.length + 1) ?? '';
  return {
    cause: head.split('\n')[0] ?? '',
    evidence: part('Evidence'),
    wrote: part('Last lines of output'),
    next: part('Next'),
    help: part('What would help'),
  };
}

test('1: missing binary', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["bin/server"]\nenabled = false\n',
    files: { 'bin/server': '#!/bin/sh\nexec sleep 1000\n' },
  });
  await rm(`${opsd.dir}/bin/server`);
  await opsd.order('start', 'web');
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web cannot start on this host: .*bin\/server does not exist/);
  assert.match(told.evidence, /starting → failed: .*bin\/server/);
  assert.match(told.next, /started when opsd sees what it lacks/);
  assert.match(told.help, /opsd check\n/);
});

test('2: crash on start', async () => {
  const line = `require("left-pad-of-nobody")`;
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["${process.execPath}", "-e", '${line}']\n${QUICK}`,
  });
  await opsd.until('web', 'backoff');
  await waitFor('its words', async () => (await opsd.output('web')).includes('Cannot find module'));
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web failed: exit code 1; its output says: a module or library is not installed\.$/);
  assert.match(told.evidence, /its output says +Error: Cannot find module 'left-pad-of-nobody'/);
  assert.match(told.evidence, /failures in a row +1; opsd gives up after more than 10 \(max_failures\)/);
  assert.match(told.wrote, /MODULE_NOT_FOUND/);
  assert.match(told.next, /it is restarted in [0-5]\.\ds/);
  assert.match(told.help, /opsd ctl logs web\n/);
});

test('3: heartbeat lost', async () => {
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["sh", "-c", 'mkdir -p tmp; touch "$OPSD_HEARTBEAT_FILE"; exec sleep 1000']\nheartbeat = "300ms"\n${QUICK}`,
  });
  await opsd.until('web', 'backoff');
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web failed: .*heartbeat.*300ms/);
  assert.match(told.evidence, /last exit +killed by SIGTERM \(opsd sent it: no heartbeat/);
  assert.match(told.evidence, /heartbeat +expected every 300ms in .*web\.heartbeat/);
  assert.match(told.next, /restarted/);
  assert.match(told.help, /stat .*web\.heartbeat\n/);
});

test('no folder to beat in', async () => {
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["sh", "-c", "rmdir beats; exec sleep 1000"]\nheartbeat = { timeout = "300ms", grace = "300ms", file = "beats/web" }\n${QUICK}`,
  });
  await opsd.until('web', 'backoff');
  const told = await why(opsd, 'web');
  assert.match(
    told.evidence,
    /missing folder +\S+\/beats does not exist, so the service cannot touch its heartbeat file/,
  );
  assert.match(told.help, /^ +install -d \S+\/beats\n/);
});

// Who sent it cannot be known without a cgroup; test/systemd shows that with one the kernel is named.
test('4: killed, as the kernel does for want of memory', async () => {
  await using opsd = await startOpsd({ config: `[services.web]\ncommand = ["sleep", "1000"]\n${QUICK}` });
  const { pid } = await opsd.until('web', 'running');
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  await opsd.until('web', 'backoff');
  const told = await why(opsd, 'web');
  assert.match(
    told.cause,
    /^web failed: killed by SIGKILL \(by the kernel for lack of memory, or by somebody with kill -9\)/,
  );
  assert.match(told.evidence, /last exit +killed by SIGKILL/);
  assert.match(told.help, /journalctl -k --grep='out of memory\|oom'/);
});

test('a signal of opsd ctl is told as that, also where it is waited for no longer', async () => {
  await using opsd = await startOpsd({ config: `[services.web]\ncommand = ["sleep", "1000"]\n${QUICK}` });
  await opsd.until('web', 'running');
  await opsd.ctl('signal', 'INT', 'web');
  await opsd.until('web', 'backoff');
  const told = await why(opsd, 'web');
  assert.match(told.evidence, /last exit +killed by SIGINT \(opsd sent it: signal by ctl, who claims to be /);
  assert.doesNotMatch(told.cause, /somebody/);
});

test('5: dependency down', async () => {
  await using opsd = await startOpsd({
    config:
      '[services.db]\ncommand = ["sh", "-c", "echo no data directory; exit 3"]\nmax_failures = 0\nready = { on = "delay", delay = "5s" }\n[services.web]\ncommand = ["sleep", "1000"]\ndepends_on = ["db"]\n',
  });
  await opsd.until('db', 'failed');
  await opsd.until('web', 'waiting');
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web waits for db, which is failed: .*exit code 3/);
  assert.match(told.evidence, /depends on +db \(ready\): failed/);
  assert.match(told.next, /started when the wait for db/);
  assert.match(told.help, /opsd ctl why db\n/);
  assert.match((await why(opsd, 'db')).wrote, /no data directory/);
});

test('6: port in use', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  assert.ok(typeof address === 'object' && address);
  try {
    const line = `require("net").createServer().listen(${address.port}, "127.0.0.1")`;
    await using opsd = await startOpsd({
      config: `[services.web]\ncommand = ["${process.execPath}", "-e", '${line}']\n${QUICK}`,
    });
    await opsd.until('web', 'backoff');
    await waitFor('its words', async () => (await opsd.output('web')).includes('EADDRINUSE'));
    const told = await why(opsd, 'web');
    assert.match(told.cause, /the port it wants is in use by another process/);
    assert.match(told.evidence, new RegExp(`its output says +.*EADDRINUSE.*${address.port}`));
    assert.match(told.help, /^ +ss -ltnp\n/);
  } finally {
    other.close();
  }
});

test('7: bad user', async () => {
  // It was there when the configuration was loaded, for all that opsd could see.
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "1000"]\n' });
  await opsd.until('web', 'running');
  await opsd.configure('[services.web]\ncommand = ["sleep", "1000"]\nuser = "nobody-of-this-name"\n');
  assert.equal((await opsd.reload()).status, 200);
  const told = await why(opsd, 'web');
  assert.match(
    told.cause,
    /^web is up and ready .* but in its old form, as the new form cannot start on this host: no user "nobody-of-this-name" on this host; create it/,
  );
  assert.match(told.help, /opsd check\n/);
});

test('8: disk full', async () => {
  // What every write to it says: see full(4).
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["sh", "-c", "exec dd if=/dev/zero of=/dev/full count=1"]\n${QUICK}`,
    env: { LANG: 'C' },
  });
  await opsd.until('web', 'backoff');
  await waitFor('its words', async () => (await opsd.output('web')).includes('No space left'));
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web failed: exit code 1; its output says: the disk is full\.$/);
  assert.match(told.evidence, /its output says +dd: .*No space left on device/);
  assert.match(told.help, /^ +df -h && df -i\n/);
});

test('9: wrong signal handling', async () => {
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["sh", "-c", 'trap "" TERM; echo deaf; while :; do sleep 1; done']\nstop_timeout = "300ms"\n`,
  });
  await waitFor('its trap', async () => (await opsd.output('web')).includes('deaf'));
  await opsd.order('stop', 'web');
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web is stopped: .*; it did not end after SIGTERM and was killed with SIGKILL\.$/);
  assert.match(told.evidence, /stop signal +the service did not end within 300ms of SIGTERM \(stop_timeout\)/);
  assert.match(told.evidence, /last exit +killed by SIGKILL \(opsd sent it: did not stop within 300ms\)/);
  assert.match(told.next, /nothing, until somebody starts it/);
  assert.match(told.help, /opsd config --explain \| grep stop_\n/);
  await opsd.order('start', 'web');
  assert.doesNotMatch((await why(opsd, 'web')).cause, /SIGKILL/);
});

test('10: configuration rejected', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["sleep", "1000"]\n[services.db]\ncommand = ["sleep", "1000"]\n',
  });
  await opsd.until('web', 'running');
  await opsd.write('cfg/new.toml', '[services.web]\ncomand = ["sleep", "1000"]\n');
  await rename(`${opsd.dir}/cfg/new.toml`, `${opsd.dir}/cfg/config.toml`);
  await opsd.reload();
  const told = await why(opsd, 'web');
  assert.match(
    told.cause,
    /up and ready .* but with an old configuration: the files were refused when they were last read\.$/,
  );
  assert.match(told.evidence, /configuration +refused at .*the previous configuration stays in force:/);
  assert.match(told.evidence, /problem +cfg\/config\.toml:2 services\.web\.comand unknown key; did you mean "command"/);
  assert.match(told.help, /opsd check\n +opsd ctl reload\n/);
  assert.match((await why(opsd, 'db')).cause, /the files were refused when they were last read/);
  await opsd.configure('[services.web]\ncommand = ["sleep", "1000"]\n[services.db]\ncommand = ["sleep", "1000"]\n');
  await opsd.reload();
  assert.match((await why(opsd, 'web')).cause, /nothing is wrong\.$/);
});

test('11: a limit that may not be set any more', async () => {
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ["sleep", "1000"]\nlimits = { nofile = 500 }\n${QUICK}`,
    through: without('sys_resource'),
  });
  await opsd.until('web', 'running');
  // Somebody takes it away while opsd runs, which no check of the configuration has foreseen.
  execFileSync('prlimit', ['--pid', `${opsd.daemon.pid}`, '--nofile=400:400']);
  await opsd.order('restart', 'web');
  await waitFor('its words', async () => (await opsd.output('web')).includes('NOFILE'));
  await opsd.until('web', 'backoff');
  const told = await why(opsd, 'web');
  assert.match(told.cause, /^web failed: exit code 1; prlimit, .* change services\.web\.limits\.nofile\.$/);
  assert.match(told.evidence, /its output says +prlimit: /);
  assert.match(told.help, /opsd check\n/);
});
