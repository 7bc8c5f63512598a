// What is wrong with the machine harms the services that need it, and nobody else.

import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, prepareOpsd, startOpsd } from '../support/opsd.ts';
import { needsRoot } from '../support/second-user.ts';
import { waitFor } from '../support/wait.ts';

const FINE = '[services.fine]\ncommand = ["sleep", "1000"]\n';
const SLEEPER = '#!/bin/sh\nexec sleep 1000\n';

/** Each is missing at the start, and comes back. `web` is the table of the service. */
const LACKS: readonly {
  readonly name: string;
  readonly web: string;
  readonly why: RegExp;
  readonly files?: Readonly<Record<string, string>>;
  readonly cure: (opsd: Opsd) => Promise<unknown>;
}[] = [
  {
    name: 'a command',
    web: 'command = ["./server"]',
    why: /command \.\/server: \S+\/server does not exist: install it/,
    cure: (opsd) => opsd.write('server', SLEEPER),
  },
  {
    name: 'a command without x',
    web: 'command = ["plain/server"]',
    files: { 'plain/server': 'exec sleep 1000\n' },
    why: /server is not executable: chmod \+x/,
    cure: (opsd) => chmod(join(opsd.dir, 'plain/server'), 0o755),
  },
  {
    name: 'a command that is a folder',
    web: 'command = ["./server"]',
    files: { 'server/readme': '' },
    why: /server is a directory, not a program/,
    cure: async (opsd) => {
      await rename(join(opsd.dir, 'server'), join(opsd.dir, 'away'));
      await opsd.write('server', SLEEPER);
    },
  },
  {
    name: 'an interpreter',
    web: 'command = ["./server"]',
    files: { server: '#!/tmp/opsd-no-such-folder/../../proc/self/cwd/interpreter\n' },
    why: /interpreter \S+ of script \S+\/server does not exist/,
    cure: (opsd) => opsd.write('server', SLEEPER),
  },
  {
    name: 'a working directory',
    web: 'command = ["sleep", "1000"]\ncwd = "later"',
    why: /working directory \S+\/later does not exist: create it/,
    cure: (opsd) => mkdir(join(opsd.dir, 'later')),
  },
  {
    name: 'a relative command below a missing working directory',
    web: 'command = ["bin/server"]\ncwd = "releases/current"',
    why: /working directory \S+\/releases\/current does not exist/,
    cure: async (opsd) => {
      await opsd.write('next/bin/server', SLEEPER);
      await mkdir(join(opsd.dir, 'releases'));
      await rename(join(opsd.dir, 'next'), join(opsd.dir, 'releases/current'));
    },
  },
  {
    name: 'an env_file',
    web: 'command = ["sh", "-c", "echo GREETING=$GREETING; exec sleep 1000"]\nenv_file = "web.env"',
    why: /web\.env cannot be read: it does not exist; create it/,
    cure: (opsd) => opsd.write('web.env', 'GREETING=hello\n'),
  },
  {
    name: 'an env_file that is a folder',
    web: 'command = ["sleep", "1000"]\nenv_file = "web.env"',
    files: { 'web.env/readme': '' },
    why: /web\.env cannot be read: it /,
    cure: async (opsd) => {
      await rm(join(opsd.dir, 'web.env'), { recursive: true });
      await opsd.write('web.env', 'A=1\n');
    },
  },
  {
    name: 'an env_file in which something is wrong',
    web: 'command = ["sleep", "1000"]\nenv_file = "web.env"',
    files: { 'web.env': 'OPSD_MARKER=1\n' },
    why: /OPSD_MARKER is set by opsd itself/,
    cure: (opsd) => opsd.write('web.env', 'A=1\n'),
  },
  {
    name: 'the program of its health probe',
    web: 'command = ["sleep", "1000"]\n[services.web.health]\nexec = ["./ask"]',
    why: /health\.exec: command \.\/ask: \S+\/ask does not exist/,
    cure: (opsd) => opsd.write('ask', '#!/bin/sh\nexit 0\n'),
  },
];

test('what a service lacks is told, the others run, and it starts when that is there', async (t) => {
  for (const { name, web, why, files = {}, cure } of LACKS) {
    await t.test(name, async () => {
      await using opsd = await startOpsd({ config: `${FINE}[services.web]\n${web}\n`, files });
      await opsd.until('fine', 'running');
      const view = await opsd.until('web', 'failed');
      assert.match(view.reason, why);
      assert.notEqual(view.next_attempt_at, null, 'retry_failed');
      await opsd.logged(/CRITICAL alert .*service=web reason=host_problem/);
      const told = await opsd.ctl('why', 'web');
      assert.match(told.stdout, why);
      const check = await opsd.opsd('check');
      assert.equal(check.code, 1, check.stderr);
      assert.match(check.stderr, /1 problem of this host; only what needs it fails/);
      const warned = await opsd.opsd('check', '--host=warn');
      assert.equal(warned.code, 0, warned.stderr);
      assert.match(warned.stderr, /1 warning of this host/);
      await cure(opsd);
      await opsd.until('web', 'running');
      assert.equal((await opsd.opsd('check')).code, 0);
    });
  }
});

test('form refuses as ever; --strict refuses what is wrong with the host, too', async () => {
  await using place = await prepareOpsd({ config: `${FINE}[services.web]\ncommand = ["./server"]\n` });
  const strict = await place.opsd('run', '--strict');
  assert.equal(strict.code, 1);
  assert.match(
    strict.stderr,
    /cannot load cfg\/config\.toml: 1 problem\n.*services\.web\.command .*server does not exist/s,
  );
  for (const wrong of ['comand = 1', 'command = 1', 'command = ["x"]\ndepends_on = ["web"]', 'command = ["x"']) {
    await place.configure(`${FINE}[services.web]\n${wrong}\n`);
    const { code, stderr } = await place.opsd('run');
    assert.equal(code, 1, stderr);
    assert.equal((await place.opsd('check', '--host=warn')).code, 1, wrong);
  }
  assert.equal((await place.opsd('check', '--host=maybe')).code, 1);
});

test('after a crash all the others are adopted and supervised, also one whose program or env_file is gone', async () => {
  const services = ['one', 'two', 'three'].map((name) => `[services.${name}]\ncommand = ["./${name}"]\n`);
  await using opsd = await startOpsd({
    config: `${services.join('')}env_file = "three.env"\n`,
    files: { one: SLEEPER, two: SLEEPER, three: SLEEPER, 'three.env': 'A=1\n' },
  });
  const pids = new Map<string, number | null>();
  for (const name of ['one', 'two', 'three']) pids.set(name, (await opsd.until(name, 'running')).pid);
  await opsd.crash();
  await rm(join(opsd.dir, 'two'));
  await rm(join(opsd.dir, 'three.env'));
  await opsd.restart();
  for (const [name, pid] of pids) assert.equal((await opsd.until(name, 'running')).pid, pid, name);
  // Only when it has to be started anew does the service say what it lacks.
  process.kill(pids.get('two') ?? 0, 'SIGKILL');
  const failed = await opsd.until('two', 'failed');
  assert.match(failed.reason, /two does not exist/);
  assert.equal((await opsd.status('one')).pid, pids.get('one'));
  await opsd.write('two', SLEEPER);
  await opsd.until('two', 'running');
});

test('a dependent waits and says for what', async () => {
  await using opsd = await startOpsd({
    config: '[services.db]\ncommand = ["./db"]\n[services.web]\ncommand = ["sleep", "1000"]\ndepends_on = ["db"]\n',
  });
  await opsd.until('db', 'failed');
  assert.match((await opsd.until('web', 'waiting')).reason, /db \(failed/);
  await opsd.write('db', SLEEPER);
  await opsd.until('web', 'running');
});

test('a reload takes the rest; what cannot start here keeps its old form until it can', async () => {
  const config = (web: string, fine: string) =>
    `[services.web]\ncommand = ["${web}"]\n[services.fine]\ncommand = ["sleep", "${fine}"]\n`;
  await using opsd = await startOpsd({ config: config('./old', '1000'), files: { old: SLEEPER } });
  const web = await opsd.until('web', 'running');
  const fine = await opsd.until('fine', 'running');
  await opsd.configure(`${config('./new', '1001')}[services.more]\ncommand = ["./more"]\n`);
  const dry = await opsd.ctl('reload', '--dry-run');
  assert.match(dry.stdout, /! web {2}cannot start so on this host/);
  const { code, stdout, stderr } = await opsd.ctl('reload');
  assert.equal(code, 2);
  assert.match(stdout, /! web {2}cannot start so on this host; as long as it runs, it runs on as it was/);
  assert.match(stderr, /2 problems of this host.*services\.web\.command .*new does not exist/s);
  await opsd.until('fine', (view) => view.state === 'running' && view.pid !== fine.pid);
  await opsd.until('more', 'failed');
  assert.equal((await opsd.status('web')).pid, web.pid);
  assert.match((await opsd.ctl('why', 'web')).stdout, /new form.*new does not exist/s);
  await opsd.write('new', SLEEPER);
  await opsd.until('web', (view) => view.state === 'running' && view.pid !== web.pid);
});

test('a number that the host does not know runs as it is: no home, no names', { skip: needsRoot }, async () => {
  const script = 'id -u; id -g; id -G; echo HOME=$HOME USER=$USER; exec sleep 1000';
  const shell = JSON.stringify(['sh', '-c', script]);
  await using opsd = await startOpsd({
    config: `
[services.user]
command = ${shell}
user = 1000710000
cwd = "/"
before_start = { command = ["sh", "-c", "echo before $(id -u) $(id -G)"] }
[services.user.health]
exec = ["sh", "-c", "test $(id -u) = 1000710000"]
interval = "200ms"
timeout = "200ms"
[services.group]
command = ${shell}
group = 54321
[services.both]
command = ${shell}
user = "1000710000"
group = 0
cwd = "/"
`,
  });
  const check = await opsd.opsd('check');
  assert.equal(check.code, 0, check.stderr);
  const user = await opsd.until('user', (view) => view.state === 'running' && view.healthy === true);
  await waitFor('what they say', async () => (await opsd.output('both')).includes('HOME'));
  assert.match(
    await opsd.output('user'),
    /before 1000710000 1000710000\n1000710000\n1000710000\n1000710000\nHOME= USER=\n/,
  );
  await waitFor('what the group says', async () => (await opsd.output('group')).includes('HOME'));
  assert.match(await opsd.output('group'), /^0\n54321\n(54321 0|54321|0 54321)\nHOME=\S+ USER=root\n/m);
  assert.match(await opsd.output('both'), /^1000710000\n0\n0\nHOME= USER=\n/m);
  await opsd.crash();
  await opsd.restart();
  assert.equal((await opsd.until('user', 'running')).pid, user.pid, 'adopted');
  assert.match((await opsd.ctl('why', 'user')).stdout, /user is up and ready/);
  await opsd.write('closed/server', SLEEPER);
  await chmod(join(opsd.dir, 'closed'), 0o700);
  await opsd.configure(`[services.user]\ncommand = ["./closed/server"]\nuser = 1000710000\n`);
  const refused = await opsd.opsd('check');
  assert.match(refused.stderr, /user 1000710000 may not/);
});

test('users and groups that come later are seen', { skip: needsRoot }, async () => {
  await using opsd = await startOpsd({
    config: `${FINE}[services.web]\ncommand = ["sleep", "1000"]\nuser = "opsd-later"\n[services.other]\ncommand = ["sleep", "1000"]\ngroup = "opsd-later"\n`,
    // A passwd of its own: nothing of this host changes.
    through: [
      'unshare',
      '--mount',
      'sh',
      '-c',
      'cat /etc/passwd > passwd && cat /etc/group > group && mount --bind passwd /etc/passwd && mount --bind group /etc/group && exec "$@"',
      'sh',
    ],
  });
  assert.match((await opsd.until('web', 'failed')).reason, /user opsd-later does not exist: create it/);
  assert.match((await opsd.until('other', 'failed')).reason, /group opsd-later does not exist: create it/);
  await appendFile(join(opsd.dir, 'passwd'), 'opsd-later:x:54399:54399::/nowhere/home:/nowhere/shell\n');
  await appendFile(join(opsd.dir, 'group'), 'opsd-later:x:54399:\n');
  // A missing home and shell hinder nobody.
  await opsd.until('web', 'running');
  await opsd.until('other', 'running');
});

test('what only the user of a service may not execute starts when it may', { skip: needsRoot }, async () => {
  await using opsd = await startOpsd({
    config: `${FINE}[services.web]\ncommand = ["./closed/server"]\nuser = "nobody"\n`,
    files: { 'closed/server': SLEEPER },
  });
  await chmod(opsd.dir, 0o755);
  await chmod(join(opsd.dir, 'closed'), 0o700);
  await opsd.until('fine', 'running');
  await opsd.order('restart', 'web');
  const { reason } = await opsd.until('web', 'failed');
  assert.match(reason, /user nobody may not (execute|enter)/);
  const { generation } = await opsd.status('web');
  await chmod(join(opsd.dir, 'closed'), 0o755);
  const view = await opsd.until('web', 'running');
  assert.ok(view.generation <= generation + 2, 'no start in vain again and again');
});

test('an arbitrary uid with group 0, as in OpenShift, supervises', { skip: needsRoot }, async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["sh", "-c", "id -u; id -G; exec sleep 1000"]\n',
    env: { HOME: '/' },
    through: [
      'sh',
      '-c',
      'chgrp -R 0 . && chmod -R g=u . && exec setpriv --reuid=1000710000 --regid=0 --clear-groups -- "$@"',
      'sh',
    ],
  });
  await opsd.until('web', 'running');
  await waitFor('its ids', async () => /1000710000\n0\n/.test(await opsd.output('web')));
  assert.equal((await opsd.ctl('status')).code, 0);
});

test('a read-only working directory is no reason not to start', { skip: needsRoot }, async () => {
  const readOnly = 'mount --bind . . && mount --bind p p && cd "$PWD" && mount -o remount,bind,ro . && exec "$@"';
  await using opsd = await startOpsd({
    config: '[daemon]\nlog_dir = "p/log"\n[services.web]\ncommand = ["sleep", "1000"]\n',
    files: { 'p/any': '' },
    through: ['unshare', '--mount', 'sh', '-c', readOnly, 'sh'],
  });
  await opsd.until('web', 'running');
  await opsd.logged(
    /WARN\] opsd goes on without a heartbeat file of its own .*cannot be written \(EROFS\).*daemon\.heartbeat_file says where/,
  );
});

test('the key says where the heartbeat of opsd is, or that there is none', async () => {
  for (const file of ['p/beat', '']) {
    await using opsd = await startOpsd({ config: `[daemon]\nheartbeat_file = "${file}"\n${FINE}` });
    await opsd.until('fine', 'running');
    assert.equal(existsSync(join(opsd.dir, 'p/beat')), file !== '');
    assert.equal(existsSync(join(opsd.dir, 'tmp')), false);
  }
});
