// The life of the daemon itself: what ends it, with which exit code, and what it refuses to begin.

import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, rename } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type OpsdOptions, prepareOpsd, startOpsd } from '../support/opsd.ts';
import { freePort } from '../support/requests.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const SLEEPER = '[services.web]\ncommand = ["sleep", "1000"]\n';

test('SIGTERM and SIGINT stop everything and end with 0', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    await using opsd = await startOpsd({ config: SLEEPER });
    const { pid } = await opsd.until('web', 'running');
    opsd.kill(signal);
    assert.deepEqual(await opsd.daemon.end, { code: 0, signal: null });
    assert.equal(isAlive(pid ?? 0), false);
    for (const name of ['web.pid', 'opsd.pid', 'opsd.sock'])
      assert.equal(existsSync(join(opsd.run, name)), false, name);
  }
});

test('a second SIGTERM kills at once who would take his time', async () => {
  const config =
    '[services.deaf]\ncommand = ["sh", "-c", \'trap "" TERM; echo ready; while :; do sleep 0.05; done\']\n';
  await using opsd = await startOpsd({ config });
  await waitFor('its trap', async () => (await opsd.output('deaf')).includes('ready'));
  opsd.kill('SIGTERM');
  await opsd.until('deaf', 'stopping');
  opsd.kill('SIGTERM');
  const { code } = await waitFor('the end, long before the 30 s', opsd.daemon.ended);
  assert.equal(code, 0);
  assert.deepEqual(opsd.alive(), []);
});

test('shutdown_timeout is the limit of it all', async () => {
  const config = `[daemon]\nshutdown_timeout = "500ms"
[services.deaf]\ncommand = ["sh", "-c", 'trap "" TERM; echo ready; while :; do sleep 0.05; done']\nstop_timeout = "1h"\n`;
  await using opsd = await startOpsd({ config });
  await waitFor('its trap', async () => (await opsd.output('deaf')).includes('ready'));
  await opsd.stop();
});

test('SIGUSR2 hands over: opsd ends with 0 and the services stay', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  const { pid } = await opsd.until('web', 'running');
  opsd.kill('SIGUSR2');
  assert.deepEqual(await opsd.daemon.end, { code: 0, signal: null });
  assert.equal(isAlive(pid ?? 0), true);
  assert.equal(await opsd.read('p/run/web.pid'), `${pid}\n`);
});

test('SIGUSR1 reopens log files after they were renamed, and no line is lost', async () => {
  const script = 'n=0; while :; do n=$((n + 1)); echo "line $n"; sleep 0.01; done';
  await using opsd = await startOpsd({ config: `[services.web]\ncommand = ["sh", "-c", '${script}']\n` });
  const log = join(opsd.dir, 'log/web.log');
  await waitFor('some lines', async () => (await opsd.output('web')).includes('line 20\n'));
  await rename(log, `${log}.1`);
  opsd.kill('SIGUSR1');
  await waitFor('a new file with lines', async () => (await opsd.output('web')).split('\n').length > 20);
  await opsd.order('stop', 'web');
  const lines = `${await opsd.read('log/web.log.1')}${await opsd.output('web')}`.trimEnd().split('\n');
  assert.deepEqual(
    lines,
    lines.map((_, i) => `line ${i + 1}`),
  );
});

test('SIGUSR1 opens the log of a service anew that says nothing', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["sh", "-c", "echo hello; exec sleep 1000"]\n',
  });
  const log = join(opsd.dir, 'log/web.log');
  await waitFor('its word', async () => (await opsd.output('web')) === 'hello\n');
  await rename(log, `${log}.1`);
  opsd.kill('SIGUSR1');
  await waitFor('a new file', () => existsSync(log));
});

/** Has node:module send a signal when it is asked for a compile cache, which is the next thing that main.ts does. */
const signalAtOnce = (signal: string) => `import module from 'node:module';
const enable = module.enableCompileCache;
module.enableCompileCache = (...args) => {
  process.kill(process.pid, '${signal}');
  return enable(...args);
};
module.syncBuiltinESMExports();
`;
/** The folder makes sure that a cache is asked for. */
const atOnce = (signal: string): OpsdOptions => ({
  config: SLEEPER,
  env: { NODE_OPTIONS: '--import ./at-once.mjs' },
  files: { 'at-once.mjs': signalAtOnce(signal), 'p/data/opsd/folder': '' },
});

test('signals are orders before anything else is loaded, and SIGUSR1 opens no debugger', async (t) => {
  await t.test('SIGHUP', async () => {
    await using opsd = await startOpsd(atOnce('SIGHUP'));
    await opsd.logged(/SIGHUP/);
    await opsd.until('web', 'running');
  });
  await t.test('SIGTERM', async () => {
    await using place = await prepareOpsd(atOnce('SIGTERM'));
    assert.deepEqual(await place.spawn().end, { code: 0, signal: null });
  });
  await t.test('SIGUSR1', async () => {
    await using opsd = await startOpsd(atOnce('SIGUSR1'));
    await opsd.until('web', 'running');
    const check = await opsd.opsd('check');
    assert.deepEqual([check.code, check.stderr], [0, '']);
    assert.doesNotMatch(await opsd.log(), /Debugger|inspector/);
  });
});

test('as it is released, no SIGUSR1 opens a debugger, however early it comes', async () => {
  const repository = resolve(import.meta.dirname, '../..');
  const makefile = readFileSync(join(repository, 'Makefile'), 'utf8');
  const options = /^NODE_OPTIONS_OF_OPSD := (.+)$/m.exec(makefile)?.[1] ?? '';
  assert.ok(readFileSync(join(repository, 'systemd/install.sh'), 'utf8').includes(`/bin/node" ${options} "`));
  await using place = await prepareOpsd({ config: SLEEPER, env: { NODE_OPTIONS: options } });
  // Until Node blocks the signal, the kernel ends who gets it: that start says nothing, and the next is given more time.
  for (let grace = 0; grace < 400; grace += 2) {
    const daemon = place.spawn();
    await pause(grace);
    const isUp = async () => (await place.log()).includes('every enabled service was started');
    while (daemon.ended() === undefined && !(await isUp())) {
      daemon.kill('SIGUSR1');
      await pause(1);
    }
    assert.doesNotMatch(await place.log(), /Debugger listening/);
    if (daemon.ended() !== undefined) continue;
    daemon.kill('SIGTERM');
    assert.deepEqual(await daemon.end, { code: 0, signal: null });
    return;
  }
  assert.fail('no start survived SIGUSR1');
});

test('services that fail for good do not end opsd, and its exit code is still 0', async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sh", "-c", "exit 78"]\n' });
  await opsd.until('web', 'failed');
  await opsd.stop();
});

/** How an opsd ends that is told nothing, and whether any process of its services is left. */
async function ownEnd(config: string) {
  await using place = await prepareOpsd({ config });
  const daemon = place.spawn();
  const { code } = await waitFor('the end of opsd', daemon.ended, 20_000);
  return { code, left: place.alive(), log: await place.log() };
}

test('with exit_when = "all-exited" it ends with its last service: 0 when all ended well, 2 when one failed', async () => {
  const job = (name: string, script: string) =>
    `[services.${name}]\ncommand = ["sh", "-c", "${script}"]\nrestart = "never"\n`;
  const config = `[daemon]\nexit_when = "all-exited"\n${job('quick', 'exit 0')}${job('slow', 'sleep 0.3')}`;
  const well = await ownEnd(config);
  assert.deepEqual([well.code, well.left], [0, []], well.log);
  assert.match(well.log, /state service=slow from=running to=exited/);
  const ill = await ownEnd(`${config}${job('bad', 'exit 7')}`);
  assert.deepEqual([ill.code, ill.left], [2, []], ill.log);
  assert.match(ill.log, /state service=slow from=running to=exited/);
});

test('with on_failed = "shutdown" a service that has failed for good takes opsd with it, and gives it its exit code', async () => {
  const main = (script: string) => `[services.main]
command = ["sh", "-c", "${script}"]
on_failed = "shutdown"
max_failures = 1
backoff = { initial = "1ms" }
[services.side]
command = ["sleep", "1000"]
`;
  const failed = await ownEnd(main('exit 42'));
  assert.deepEqual([failed.code, failed.left], [42, []], failed.log);
  assert.match(failed.log, /state service=main from=running to=backoff/);
  assert.match(failed.log, /state service=side from=stopping to=stopped/);
  // A signal is no exit code.
  const killed = await ownEnd(main('kill -9 $$'));
  assert.deepEqual([killed.code, killed.left], [2, []], killed.log);
});

test('every service was started: that is said when it is so, in the second life, too', async () => {
  const config = `[services.db]
command = ["sleep", "1000"]
ready = { on = "delay", delay = "300ms", timeout = "20s" }
[services.web]
command = ["sleep", "1000"]
depends_on = ["db"]
`;
  await using opsd = await startOpsd({ config });
  await opsd.logged(/every enabled service was started/);
  await opsd.stop();
  const before = (await opsd.log()).length;
  await opsd.restart();
  const log = async () => (await opsd.log()).slice(before);
  await waitFor('the word', async () => (await log()).includes('was started'));
  assert.match(await log(), /service=web from=waiting to=starting generation=2 .*every enabled service was started/s);
});

test('what starts is told without the PID of what ran before', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  await opsd.until('web', 'running');
  assert.equal((await opsd.order('restart', 'web')).status, 200);
  await opsd.logged(/from=stopping to=starting generation=2 reason=operator\n/);
});

/** Nothing may have been started: `started` is made by the service that is fine. */
const FINE = '[services.fine]\ncommand = ["touch", "started"]\n';
const CONFIG_ERRORS: Record<string, { options: OpsdOptions; says: RegExp }> = {
  'broken TOML': { options: { config: `${FINE}[services.web\n` }, says: /config\.toml:3/ },
  'unknown keys, all at once': {
    options: { config: `${FINE}comand = "x"\n[daemon]\nhtpp = ""\nlog_levl = "info"\n` },
    says: /comand.*did you mean.*command[\s\S]*htpp[\s\S]*log_levl/,
  },
  'a command that is nowhere': {
    options: { config: `${FINE}[services.web]\ncommand = ["opsd-no-such-program"]\n` },
    says: /services\.web\.command.*opsd-no-such-program/,
  },
  'a shell command that no shell will run': {
    options: { config: `${FINE}[services.web]\ncommand = "echo a | cat"\n` },
    says: /sh.*-c/,
  },
  'a variable that names no key': {
    options: { config: FINE, env: { OPSD__DAEMON__HTPP: 'x' } },
    says: /OPSD__DAEMON__HTPP/,
  },
  'an unknown user': { options: { config: `${FINE}user = "nobody-of-that-name"\n` }, says: /nobody-of-that-name/ },
};
test('with a mistake in the configuration nothing is started, and the exit code is 1', async (t) => {
  for (const [what, { options, says }] of Object.entries(CONFIG_ERRORS)) {
    await t.test(what, async () => {
      await using place = await prepareOpsd(options);
      // Strict: what the host lacks refuses, too.
      const [run, check] = await Promise.all([place.opsd('run', '--strict'), place.opsd('check')]);
      assert.match(run.stdout + run.stderr, says);
      assert.match(check.stdout + check.stderr, says);
      assert.deepEqual([run.code, check.code], [1, 1]);
      assert.equal(existsSync(join(place.dir, 'started')), false);
    });
  }
  await t.test('no file', async () => {
    await using place = await prepareOpsd({ config: FINE });
    const { code, stderr } = await place.opsd('run', '--config', 'cfg/other.toml');
    assert.match(stderr, /cfg\/other\.toml/);
    assert.equal(code, 1);
  });
  await t.test('secrets that others can read', async () => {
    await using place = await prepareOpsd({
      config: FINE,
      files: { 'p/key/env.toml': '[daemon]\nlog_level = "warn"\n' },
    });
    await chmod(join(place.prefix, 'key/env.toml'), 0o644);
    const { code, stderr } = await place.opsd('run');
    assert.match(stderr, /^opsd: cannot load cfg\/config\.toml: 1 problem\n.*env\.toml.*chmod/);
    assert.equal((await place.opsd('check')).stderr, stderr, 'the same words');
    assert.equal(code, 1);
    assert.equal(existsSync(join(place.dir, 'started')), false);
  });
});

test('an OPSD_LOG that is empty says nothing', async () => {
  await using opsd = await startOpsd({ config: SLEEPER, env: { OPSD_LOG: '' } });
  await opsd.until('web', 'running');
});

test('a port in use ends opsd with 2 before anything is started', async () => {
  const port = await freePort();
  const taken = createServer();
  taken.listen(port, '127.0.0.1');
  await once(taken, 'listening');
  await using _closed = { [Symbol.asyncDispose]: async () => void taken.close() };
  const config = `[daemon]\nhttp = "127.0.0.1:${port}"\n${FINE}`;
  await using place = await prepareOpsd({ config, http: 'configured' });
  const { code, stderr, stdout } = await place.opsd('run');
  assert.match(stderr + stdout, new RegExp(`${port}`));
  assert.equal(code, 2);
  assert.equal(existsSync(join(place.dir, 'started')), false);
});

test('a second opsd on the same PREFIX ends with 2, names the first, and disturbs nothing', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  const { pid } = await opsd.until('web', 'running');
  const { code, stdout, stderr } = await opsd.opsd('run');
  assert.equal(code, 2);
  assert.match(stdout + stderr, new RegExp(`\\b${opsd.daemon.pid}\\b`));
  const view = await opsd.status('web');
  assert.deepEqual([view.pid, view.state, view.generation], [pid, 'running', 1]);
  assert.equal(await opsd.read('p/run/opsd.pid'), `${opsd.daemon.pid}\n`);
  assert.equal((await opsd.ctl('status')).code, 0);
});

test('a socket that a killed opsd left is replaced', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  await opsd.crash();
  assert.equal(existsSync(join(opsd.run, 'opsd.sock')), true);
  const told = await opsd.ctl('status');
  assert.equal(told.code, 2);
  assert.match(told.stderr, /not running.*stale/);
  await opsd.restart();
  assert.equal((await opsd.ctl('status')).code, 0);
});

test('a PREFIX too long for a socket is refused with the reason', async () => {
  await using place = await prepareOpsd({ config: FINE });
  const long = join(place.dir, 'x'.repeat(100));
  await using longer = await prepareOpsd({ config: FINE, env: { PREFIX: long } });
  const { code, stderr } = await longer.opsd('run');
  assert.equal(code, 1);
  assert.match(stderr, /107.*PREFIX/);
});

test('exit codes of the command line: 0, 1 for mistakes, 2 for what fails', async () => {
  await using place = await prepareOpsd({ config: FINE });
  const cases: [args: string[], code: number][] = [
    [['check'], 0],
    [['schema'], 0],
    [['config'], 0],
    [['--version'], 0],
    [['--help'], 0],
    [['check', '--config', 'nowhere.toml'], 1],
    [['frobnicate'], 1],
    [['ctl', 'frobnicate'], 1],
    [['run', '--frobnicate'], 1],
    [['ctl', 'status'], 2],
    [['ctl', 'stop', 'all'], 2],
  ];
  for (const [args, code] of cases) assert.equal((await place.opsd(...args)).code, code, `opsd ${args.join(' ')}`);
});
