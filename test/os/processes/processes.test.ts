// Starting processes: what is reported first and last, what a process is born with, and what a failure is called.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Launch } from '../../../src/core/model/spec.ts';
import { closeInherited, limitOf } from '../../../src/os/proc/descriptors.ts';
import { signalSet } from '../../support/signal-sets.ts';
import { waitFor } from '../../support/wait.ts';
import { type Rig, type RigOptions, rig, serviceSpec, shell } from '../rig.ts';

/** What a service prints until it ends. */
async function outputOf(r: Rig, script: string, launch: Partial<Launch> = {}): Promise<string> {
  await r.start(shell(script, launch));
  await r.event('exited');
  return await r.output();
}

async function once(script: string, launch: Partial<Launch> = {}, options: RigOptions = {}): Promise<string> {
  await using r = await rig(options);
  return await outputOf(r, script, launch);
}

const root = process.getuid?.() === 0;
const asRoot = root ? {} : { skip: 'only root can do that' };

test('spawned comes first and within the call, exited once', async () => {
  await using r = await rig();
  const pid = await r.start(serviceSpec(['true']));
  assert.deepEqual(r.events, [{ type: 'spawned', service: 'web', generation: 1, pid }]);
  assert.equal(r.processes.identity('web', 1)?.pid, pid);
  await r.event('exited');
  assert.equal(r.processes.identity('web', 1), null);
  assert.deepEqual(
    r.events.map(({ type }) => type),
    ['spawned', 'exited'],
  );
});

test('as many ends as starts, however short the lives (edge case 17)', async () => {
  await using r = await rig();
  const count = 100;
  for (let generation = 1; generation <= count; generation += 1)
    r.processes.spawn('web', generation, serviceSpec(['true']));
  await waitFor('all ends', () => r.events.filter(({ type }) => type === 'exited').length === count, 30_000);
  assert.equal(r.events.filter(({ type }) => type === 'spawned').length, count);
  assert.ok(r.events.every((event) => event.type !== 'exited' || event.left === 0));
});

test('SIGTERM right after the spawn is an end by SIGTERM (21)', async () => {
  await using r = await rig();
  await r.start(serviceSpec(['sleep', '60']));
  r.processes.signal('web', 1, 'SIGTERM', 'main');
  const { exit } = await r.event('exited');
  assert.deepEqual(exit, { code: null, signal: 'SIGTERM', oom: false });
});

test('signals for generations that are gone go nowhere', async () => {
  await using r = await rig();
  await r.start(serviceSpec(['true']));
  await r.event('exited');
  r.processes.signal('web', 1, 'SIGKILL', 'main');
  r.processes.signal('web', 1, 'SIGKILL', 'tree');
  r.processes.kill('web', 1);
  r.processes.kill('nobody', 7);
  assert.equal(r.events.length, 2);
});

test('what the host lacks for a command is told by name, and no process is started (33)', async () => {
  await using r = await rig();
  const cases: readonly (readonly [ReturnType<typeof serviceSpec>, RegExp])[] = [
    [serviceSpec(['opsd-has-no-such-program']), /not in PATH/],
    [serviceSpec(['true'], { cwd: '/no/such/folder' }), /working directory \/no\/such\/folder does not exist/],
    [serviceSpec(['/etc']), /is a directory/],
    [serviceSpec(['/etc/passwd']), /not executable/],
    [
      serviceSpec(['true'], { user: 'opsd-no-such-user' }),
      /user opsd-no-such-user does not exist.*services\.web\.user/,
    ],
    [serviceSpec(['true'], { group: 'opsd-no-such-group' }), /group opsd-no-such-group does not exist/],
  ];
  for (const [index, [spec, expected]] of cases.entries()) {
    r.processes.spawn('web', index + 1, spec);
    const event = await r.event('spawn_failed', index + 1);
    assert.equal(event.kind, 'host');
    assert.match(event.message, expected);
  }
  assert.equal(r.events.length, cases.length);
});

test('what no host can start is a failure for good', async () => {
  await using r = await rig();
  r.processes.spawn('web', 1, serviceSpec(['true', 'a\0']));
  const event = await r.event('spawn_failed');
  assert.deepEqual([event.kind, /NUL/.test(event.message)], ['permanent', true], event.message);
});

test('what only the kernel finds out is reported too, once', async () => {
  await using r = await rig();
  // No argument is too long by itself; together, with a pointer to each, they are.
  const many = Array<string>(30).fill('x'.repeat(100_000));
  r.processes.spawn('web', 1, serviceSpec(['true', ...many, ...Array<string>(500_000).fill('')]));
  const event = await r.event('spawn_failed');
  assert.deepEqual([event.kind, /E2BIG/.test(event.message)], ['permanent', true], event.message);
  assert.deepEqual(
    r.events.map(({ type }) => type),
    ['spawn_failed'],
  );
});

test('a script without a shebang is run by the shell, as execvp does', async () => {
  await using r = await rig();
  await writeFile(join(r.dir, 'script'), 'exit 9\n', { mode: 0o755 });
  await r.start(serviceSpec(['./script'], { cwd: r.dir }));
  assert.equal((await r.event('exited')).exit.code, 9);
});

test('the same with an exec chain in front of it', async () => {
  await using r = await rig();
  await writeFile(join(r.dir, 'script'), 'exit 9\n', { mode: 0o755 });
  const pid = await r.start(serviceSpec(['./script'], { cwd: r.dir, umask: 0o77, nice: 1 }));
  const exited = await r.event('exited');
  assert.equal(exited.exit.code, 9);
  assert.ok(pid > 1);
});

test('the chain keeps the PID and ends in the command itself', async () => {
  await using r = await rig();
  const pid = await r.start(serviceSpec(['sleep', '60'], { umask: 0o77, nice: 1, oomScoreAdj: 5 }));
  await waitFor('the command', async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8')) === 'sleep\x0060\0');
});

test('no room on the host is transient: opsd has no descriptor left (35)', async () => {
  await using r = await rig();
  let full = true;
  await using narrow = await rig({ after: r, open: () => void (full && fail('EMFILE')) });
  narrow.processes.spawn('web', 1, serviceSpec(['true']));
  assert.equal((await narrow.event('spawn_failed', 1)).kind, 'transient');
  full = false;
  narrow.processes.spawn('web', 2, serviceSpec(['true']));
  assert.equal((await narrow.event('exited', 2)).left, 0);
});

test('the environment is clean', async () => {
  process.env.OPSD_TEST_SECRET = 'leak';
  process.env.NOTIFY_SOCKET = '/leak';
  process.env.LISTEN_FDS = '3';
  try {
    await using r = await rig();
    const text = await outputOf(r, 'env | cut -d= -f1', { env: { MINE: '1' } });
    const names = new Set(text.trim().split('\n'));
    for (const name of ['PWD', 'OLDPWD', '_', 'SHLVL', 'LANG', 'TZ']) names.delete(name);
    assert.deepEqual([...names].sort(), [
      'HOME',
      'LOGNAME',
      'MINE',
      'OPSD_HEARTBEAT_FILE',
      'OPSD_MARKER',
      'OPSD_SERVICE',
      'PATH',
      'SHELL',
      'USER',
    ]);
  } finally {
    delete process.env.OPSD_TEST_SECRET;
    delete process.env.NOTIFY_SOCKET;
    delete process.env.LISTEN_FDS;
  }
});

test('what supervision needs wins over the configuration, and a chain adds nothing', async () => {
  await using r = await rig();
  const env = { OPSD_SERVICE: 'forged', OPSD_MARKER: 'forged', 'odd.name': 'kept' };
  const pid = await r.start(serviceSpec(['sleep', '60'], { env, umask: 0o77 }));
  await waitFor('the command', async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('sleep'));
  const environment = (await readFile(`/proc/${pid}/environ`, 'utf8')).split('\0');
  for (const expected of ['OPSD_SERVICE=web', `OPSD_MARKER=1:web:${r.runDir}`, 'odd.name=kept']) {
    assert.ok(environment.includes(expected), expected);
  }
  assert.deepEqual(
    environment.filter((entry) => /^(PWD|OLDPWD)=/.test(entry)),
    [],
  );
});

test('no descriptor but 0, 1 and 2 (37)', async () => {
  closeInherited(process.env);
  await using r = await rig();
  const pid = await r.start(serviceSpec(['sleep', '60']));
  // The loader of programs opens libraries for a moment.
  await waitFor('no other', async () => (await readdir(`/proc/${pid}/fd`)).sort().join() === '0,1,2');
});

test('signals are as a program expects them (38)', async () => {
  for (const launch of [{}, { umask: 0o77 }, ...(root ? [{ user: 'nobody' }] : [])]) {
    const text = await once('exec grep -E "^Sig(Ign|Blk)" /proc/self/status', launch);
    for (const set of ['SigIgn', 'SigBlk'] as const)
      assert.equal(signalSet(text, set), 0n, `${set} ${JSON.stringify(launch)}`);
  }
});

test('umask, niceness and oom score are set, not inherited (39)', asRoot, async () => {
  const umask = process.umask(0o077);
  setPriority(5);
  writeFileSync('/proc/self/oom_score_adj', '50');
  try {
    const look = 'umask; cut -d" " -f19 /proc/self/stat; cat /proc/self/oom_score_adj';
    assert.equal(await once(look), '0022\n0\n0\n');
    assert.equal(await once(look, { umask: 0o7, nice: -3, oomScoreAdj: 200 }), '0007\n-3\n200\n');
  } finally {
    process.umask(umask);
    setPriority(0);
    writeFileSync('/proc/self/oom_score_adj', '0');
  }
});

test('the soft limit of descriptors is that from before opsd raised its own (35)', async () => {
  const hard = limitOf('self')?.hard;
  assert.equal(await once('ulimit -Sn; ulimit -Hn', {}, { baseNofile: 77 }), `77\n${hard}\n`);
});

test('another user, with its own groups, home and name (40)', asRoot, async () => {
  const text = await once('id -u; id -g; id -G; echo $HOME $USER $LOGNAME $SHELL', { user: 'nobody' });
  const lines = text.trim().split('\n');
  assert.deepEqual(lines.slice(0, 3), ['65534', '65534', '65534']);
  assert.match(lines[3] ?? '', /^\/nonexistent nobody nobody .*nologin$/);
});

test('another group only', asRoot, async () => {
  assert.match(await once('id -u; id -g', { group: 'daemon' }), /^0\n1\n$/);
});

test('a session and a group of its own, whatever stands in front', async () => {
  await using r = await rig();
  for (const [generation, launch] of [{}, { nice: 1, umask: 0 }].entries()) {
    const pid = await r.start(serviceSpec(['sleep', '60'], launch), generation + 1);
    const [, , group, session] = (await readFile(`/proc/${pid}/stat`, 'latin1')).replace(/^.*\) /, '').split(' ');
    assert.deepEqual([group, session], [String(pid), String(pid)]);
  }
});

test('services outlive the one who started them', async () => {
  await using r = await rig();
  const pid = await r.start(serviceSpec(['sleep', '60']));
  await r.processes[Symbol.asyncDispose]();
  assert.ok(existsSync(`/proc/${pid}`));
});

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}
