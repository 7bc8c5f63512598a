// What a service is born with: its environment, user, descriptors, limits and signals, whoever started opsd and how.

import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { signalSet } from '../support/signal-sets.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const once = (name: string, script: string, more = '') =>
  `[services.${name}]\ncommand = ["sh", "-c", '''{ ${script}; } >${name}.out; echo >>${name}.done; exec sleep 1000''']\n${more}`;

test('the environment is clean, and what is asked for is in it', async () => {
  const config = once(
    'web',
    'env',
    'env = { PORT = "8080", FROM_FILE = "env wins" }\nenv_file = "web.env"\npass_env = ["PASSED", "ABSENT"]\n',
  );
  await using opsd = await startOpsd({
    config,
    files: { 'web.env': '# a comment\nFROM_FILE=lost\nQUOTED="two words"\n' },
    env: {
      PASSED: 'on',
      SECRET_OF_OPSD: 'x',
      NODE_OPTIONS: '--no-warnings',
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      HOME: '/root',
    },
  });
  const lines = (await result(opsd, 'web')).trimEnd().split('\n');
  const own = new Map(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  assert.equal(own.get('OPSD_SERVICE'), 'web');
  assert.equal(own.get('OPSD_HEARTBEAT_FILE'), `${opsd.dir}/tmp/web.heartbeat`);
  assert.match(own.get('OPSD_MARKER') ?? '', /^1:web:\//);
  assert.deepEqual([own.get('PORT'), own.get('FROM_FILE'), own.get('QUOTED')], ['8080', 'env wins', 'two words']);
  assert.deepEqual([own.get('PASSED'), own.get('LANG'), own.get('TZ')], ['on', 'C.UTF-8', 'UTC']);
  // Of the account, where not asked for otherwise; PWD and the like are the shell's own.
  assert.notEqual(own.get('HOME'), '/not-the-account-s');
  const known =
    /^(OPSD_SERVICE|OPSD_HEARTBEAT_FILE|OPSD_MARKER|PORT|FROM_FILE|QUOTED|PASSED|LANG|TZ|PATH|HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|SHLVL|_)$/;
  assert.deepEqual(
    [...own.keys()].filter((name) => !known.test(name)),
    [],
  );
});

test('a variable called __proto__ arrives, too', async () => {
  const config = `[services.web]\ncommand = ["env"]\nenv = { __proto__ = "x" }\nrestart = "never"\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('web', 'exited');
  await waitFor('its variable', async () => /^__proto__=x$/m.test(await opsd.output('web')));
});

test('descriptors 0, 1 and 2, and no other, though opsd was started with more', async () => {
  const listing = (name: string) => `[services.${name}]\ncommand = ["ls", "/proc/self/fd"]\nrestart = "never"\n`;
  await using opsd = await startOpsd({
    config: listing('web') + listing('other'),
    // Node itself takes care of the first 16.
    through: ['bash', '-c', 'exec 7</etc/passwd 200</etc/passwd; exec "$@"', 'bash'],
  });
  for (const name of ['web', 'other']) {
    await opsd.until(name, 'exited');
    // 3 is the folder that ls reads.
    await waitFor(`what ${name} found`, async () => (await opsd.output(name)) === '0\n1\n2\n3\n');
  }
});

test('signals are as a program expects them, whatever opsd was started with', async () => {
  // cat, as a shell sets signals of its own.
  const config = `[services.web]\ncommand = ["cat", "/proc/self/status"]\nrestart = "never"\n`;
  await using opsd = await startOpsd({
    config,
    through: ['sh', '-c', 'trap "" TERM USR1 PIPE; exec "$@"', 'sh'],
  });
  await opsd.until('web', 'exited');
  const status = await waitFor('its status', async () => {
    const text = await opsd.output('web');
    return text.includes('SigCgt') && text;
  });
  for (const set of ['SigIgn', 'SigBlk'] as const) assert.equal(signalSet(status, set), 0n, set);
});

test('umask, niceness and OOM score are those of the service', async () => {
  const script = 'umask; cut -d" " -f19 /proc/$$/stat; cat /proc/$$/oom_score_adj';
  const config = `${once('plain', script)}${once('special', script, 'umask = "077"\nnice = 5\noom_score_adj = 300\n')}`;
  await using opsd = await startOpsd({
    config,
    through: ['sh', '-c', 'umask 000; exec nice -n 3 "$@"', 'sh'],
  });
  assert.equal(await result(opsd, 'plain'), '0022\n0\n0\n');
  assert.equal(await result(opsd, 'special'), '0077\n5\n300\n');
});

test('a user has its own groups and home', { skip: process.getuid?.() !== 0 && 'only root can' }, async () => {
  const config = `[services.web]\ncommand = ["sh", "-c", 'id -u; id -g; id -G; echo $HOME:$USER:$LOGNAME; echo x >/dev/stdout; exec sleep 1000']
user = "nobody"\ncwd = "/"\n`;
  await using opsd = await startOpsd({ config });
  const text = await waitFor('its words', async () => {
    const found = await opsd.output('web');
    return found.endsWith('x\n') && found;
  });
  const [uid, gid, groups, names] = text.split('\n');
  assert.equal(uid, '65534');
  assert.equal(groups, gid, 'none of the groups of root');
  assert.match(names ?? '', /^\/\w+:nobody:nobody$/);
  await opsd.order('stop', 'web');
  assert.deepEqual(opsd.alive(), []);
});

test('with too few descriptors left for a start opsd lives, tries on, and counts no failures', async () => {
  // One descriptor for its output, another to be told by that it is ready.
  const command = '["sh", "-c", "echo >&$OPSD_NOTIFY_FD; exec sleep 1000"]';
  await using opsd = await startOpsd({
    config: `[services.web]\ncommand = ${command}\nready = { on = "fd" }\nmax_failures = 2\n`,
  });
  const limit = (soft: string) => execFileSync('prlimit', ['--pid', `${opsd.daemon.pid}`, `--nofile=${soft}:`]);
  const { pid } = await opsd.until('web', 'running');
  assert.ok(pid);
  const before = /Max open files\s+(\d+)/.exec(procFile(opsd.daemon.pid, 'limits'))?.[1] ?? '1024';
  limit(`${limitThatLeaves(1, opsd.daemon.pid)}`);
  process.kill(pid, 'SIGKILL');
  // More often than max_failures.
  await opsd.logged(/(reason=spawn_failed[\s\S]*EMFILE[\s\S]*){4}/, 15_000);
  limit(before);
  const view = await opsd.until('web', 'running');
  assert.ok(view.generation > 4);
  assert.equal(view.failures_in_a_row, 1, 'the kill -9');
});

async function result(opsd: Opsd, service: string): Promise<string> {
  await waitFor(`the result of ${service}`, async () => (await opsd.read(`${service}.done`)) !== '');
  return await opsd.read(`${service}.out`);
}

/** The limit of descriptors under which a process has so many left: enough to look around, too few to start another. */
function limitThatLeaves(free: number, pid: number): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  let limit = 0;
  for (let left = free; left > 0; limit++) if (!open.has(limit)) left--;
  return limit;
}
