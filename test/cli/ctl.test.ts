// `opsd ctl` as an operator and a script meet it: output, exit codes, and what it says when it cannot.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { timestamp } from '../../src/os/own-log/timestamp.ts';
import { service, UP } from '../http/fake-control.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { fakeDaemon } from './daemon.ts';
import { opsd, opsdInto, start } from './run-opsd.ts';

test('status shows a table without colours to a pipe, and exits 2 when a named one is not up', async () => {
  await using daemon = await fakeDaemon([
    service('web', UP),
    service('db', { state: 'failed', reason: 'exit code 3' }),
  ]);
  const all = await daemon.ctl('status');
  assert.deepEqual([all.code, all.err], [0, '']);
  assert.match(
    all.out,
    /^NAME +STATE +PID +UPTIME +RESTARTS +CPU +MEMORY +LAST BEAT\nweb +running +4711 .*\ndb +failed .*exit code 3\n/,
  );
  assert.match(all.out, /2 services, 1 running, 1 failed\n$/);
  assert.ok(!all.out.includes('\u001b'));
  assert.equal((await daemon.ctl('status', 'web')).code, 0);
  assert.equal((await daemon.ctl('status', 'web', 'db')).code, 2);
  assert.equal((await daemon.ctl('status', '*')).code, 2);
});

test('status --json is what the API gives', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  const { out } = await daemon.ctl('status', '--json');
  assert.deepEqual(JSON.parse(out), daemon.control.status());
});

test('status of no services says how to begin', async () => {
  await using daemon = await fakeDaemon();
  const { code, out } = await daemon.ctl('status');
  assert.deepEqual([code, /\[services\.web\]/.test(out)], [0, true]);
});

test('status --watch goes on until it is interrupted, and ends well', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  const child = start(daemon.prefix, ['ctl', 'status', '--watch', '--json']);
  let lines = 0;
  child.stdout.on('data', () => lines++);
  await waitFor('two looks', () => lines >= 2);
  child.kill('SIGINT');
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0);
});

test('start, stop and restart return when the services came to rest, each with its result', async () => {
  await using daemon = await fakeDaemon([
    service('web', UP),
    service('web-2', UP),
    service('db', { outcome: { ok: false, code: 'failed', message: 'exit code 3' } }),
  ]);
  const stop = await daemon.ctl('stop', 'web*');
  assert.deepEqual([stop.code, stop.out, stop.err], [0, 'web: stopped\nweb-2: stopped\n', '']);
  const start = await daemon.ctl('start', 'all');
  assert.deepEqual([start.code, start.out, start.err], [2, 'web: running\nweb-2: running\n', 'db: exit code 3\n']);
  assert.match(daemon.control.orders[0] ?? '', /^stop web by ctl, who claims to be \S+ \(uid \d+\)$/);
});

test('an outcome names its service once', async () => {
  const told = async (message: string) => {
    await using daemon = await fakeDaemon([service('web', { outcome: { ok: true, message } })]);
    return (await daemon.ctl('restart', 'web')).out.trimEnd();
  };
  for (const message of [
    'web is running',
    'the failures of web are forgotten; it is running',
    'SIGHUP sent to web (pid 4711)',
    'there is no rollout of web to undo; see what there is with: opsd ctl rollout status',
  ]) {
    assert.equal(await told(message), message);
  }
  for (const message of ['stopped', 'stopped, web@1 failed: exit code 1; go back with: opsd ctl rollout undo web']) {
    assert.equal(await told(message), `web: ${message}`);
  }
});

test('run of what is no job is a usage error, unless something else failed', async () => {
  const message = 'web is no job: it is started again whenever it ends (restart = "always")';
  await using daemon = await fakeDaemon([
    service('web', { outcome: { ok: false, code: 'no_job', message } }),
    service('backup', { outcome: { ok: true, message: 'backup has completed: exit code 0' } }),
    service('import', { outcome: { ok: false, code: 'failed', message: 'import did not complete: exit code 3' } }),
  ]);
  const run = async (...names: string[]) => (await daemon.ctl('run', ...names)).code;
  assert.deepEqual([await run('web'), await run('backup', 'web'), await run('all')], [1, 1, 2]);
});

test('an unknown service exits 1, and nothing is done to the others', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  for (const command of ['status', 'stop', 'restart', 'logs', 'why', 'wait']) {
    const { code, err } = await daemon.ctl(command, ...(command === 'why' ? [] : ['web']), 'wbe');
    assert.deepEqual([command, code], [command, 1]);
    assert.match(err, /^opsd: there is no service 'wbe'; did you mean 'web'\?\n$/);
  }
  assert.match((await daemon.ctl('stop', 'x*')).err, /no service matches 'x\*'/);
  assert.deepEqual(daemon.control.orders, []);
});

test('a wait that takes too long exits 2 and says that opsd goes on', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  daemon.control.gate = new Promise(() => {});
  const late = await daemon.ctl('stop', 'web', '--timeout', '200ms');
  assert.equal(late.code, 2);
  assert.match(
    late.err,
    /timed out after 0\.2s: web \(stopping\); opsd carries on with the command\. .*--timeout.*why web/,
  );
  const soon = await daemon.ctl('stop', 'web', '--no-wait');
  assert.deepEqual([soon.code, soon.out], [0, 'web: accepted; not waited for\n']);
  const wrong = await daemon.ctl('stop', 'web', '--timeout', '5');
  assert.deepEqual([wrong.code, /--timeout: expected a duration/.test(wrong.err)], [1, true]);
});

test('a daemon that ends while it is waited for exits 2', async () => {
  const daemon = await fakeDaemon([service('web', UP)]);
  daemon.control.gate = new Promise(() => {});
  const waiting = daemon.ctl('stop', 'web');
  await waitFor('the order', () => daemon.control.orders.length === 1);
  await daemon[Symbol.asyncDispose]();
  const { code, err } = await waiting;
  assert.deepEqual([code, /opsd ended before the command was finished for: web/.test(err)], [2, true]);
});

test('wait returns when all are in the state, also when they come there later', async () => {
  await using daemon = await fakeDaemon([service('web', UP), service('db')]);
  assert.equal((await daemon.ctl('wait', 'web')).code, 0);
  const both = daemon.ctl('wait', 'all', '--for', 'running', '--timeout', '10s');
  await waitFor('the listener', () => daemon.control.listeners > 0);
  daemon.control.change('db', 'starting');
  daemon.control.change('db', 'running');
  assert.equal((await both).code, 0);
  const never = await daemon.ctl('wait', 'db', '--for', 'failed', '--timeout', '100ms');
  assert.deepEqual([never.code, /not failed after 0\.1s: db \(running\)/.test(never.err)], [2, true]);
  assert.equal((await daemon.ctl('wait', 'db', '--for', 'dead')).code, 1);
});

test('reload prints the plan key by key, or every problem', async () => {
  await using daemon = await fakeDaemon();
  daemon.control.reloadResult = {
    ok: true,
    changes: [
      { service: 'new', kind: 'added', keys: [{ key: 'command', from: null, to: '["x"]' }] },
      { service: 'old', kind: 'removed', keys: [] },
      { service: 'web', kind: 'restarted', keys: [{ key: 'env.PORT', from: '"80"', to: '"81"' }] },
      { service: 'api', kind: 'changed', keys: [{ key: 'stop_timeout', from: '"5s"', to: null }] },
    ],
    daemon: [
      { key: 'log_level', from: '"info"', to: '"warn"', when: 'now' },
      { key: 'http', from: '""', to: '"127.0.0.1:9640"', when: 'next_opsd' },
    ],
    hostProblems: [],
  };
  const plan = await daemon.ctl('reload', '--dry-run');
  assert.equal(plan.code, 0);
  assert.equal(
    plan.out,
    `+ new  added
    command  ["x"]
- old  removed
~ web  restarted
    env.PORT  "80" → "81"
~ api  changed in place
    stop_timeout  "5s" → (not set)
~ [daemon]  changed
    log_level  "info" → "warn"
    http  "" → "127.0.0.1:9640"  (takes effect with the next opsd: opsd ctl handover)

nothing was changed; apply it with: opsd ctl reload
`,
  );
  const problem = { where: 'cfg/config.toml', line: 7, key: 'services.web.comand', message: 'unknown key' };
  const message = 'the configuration has problems; the old one stays in force';
  daemon.control.reloadResult = { ok: false, code: 'bad_configuration', message, problems: [problem] };
  const refused = await daemon.ctl('reload', '--allow-empty');
  assert.equal(refused.code, 1);
  assert.match(refused.err, /the old one stays in force\n +cfg\/config\.toml:7 +services\.web\.comand +unknown key\n/);
  assert.match(daemon.control.orders.at(-1) ?? '', /"dryRun":false,"allowEmpty":true/);
});

test('signal names the signal first, and tells who does not run', async () => {
  await using daemon = await fakeDaemon([service('web', UP), service('db')]);
  const { code, out, err } = await daemon.ctl('signal', 'hup', 'all');
  assert.deepEqual([code, out, err], [2, 'web: SIGHUP sent\n', 'db does not run\n']);
  assert.equal((await daemon.ctl('signal', 'NOPE', 'web')).code, 1);
});

test('logs prints the last lines of one, or of many with their names', async () => {
  await using daemon = await fakeDaemon([service('web', UP), service('db', UP), service('quiet')]);
  for (const name of ['web', 'db']) {
    const file = join(daemon.prefix, `${name}.log`);
    writeFileSync(file, Array.from({ length: 200 }, (_, i) => `${name} ${i + 1}\n`).join(''));
    daemon.control.logFiles.set(name, file);
  }
  assert.equal((await daemon.ctl('logs', 'web', '-n', '2')).out, 'web 199\nweb 200\n');
  assert.equal((await daemon.ctl('logs', 'web')).out.split('\n').length, 101);
  const many = await daemon.ctl('logs', '-n1');
  assert.deepEqual([many.code, many.out], [0, 'web   | web 200\ndb    | db 200\n']);
  assert.match(many.err, /quiet has no log file/);
});

test('logs --since begins with the first line that is new enough, and needs times in the log', async () => {
  await using daemon = await fakeDaemon([service('web', UP), service('db', UP), service('new', UP)]);
  const stamped = (secondsAgo: number, text: string) => `${timestamp(Date.now() - secondsAgo * 1_000)} ${text}\n`;
  const log = (name: string, text: string) => {
    const file = join(daemon.prefix, `${name}.log`);
    writeFileSync(file, text);
    daemon.control.logFiles.set(name, file);
  };
  log('web', `from before\n${stamped(400, 'old')}${stamped(200, 'newer')}  without\n${stamped(1, 'newest')}`);
  log('db', 'no times here\n');
  log('new', '');
  const { code, out } = await daemon.ctl('logs', 'web', '--since', '5m');
  assert.equal(code, 0);
  assert.deepEqual(out.replace(/^\w{3} \d\d [\d:.]+ /gm, '').split('\n'), ['newer', '  without', 'newest', '']);
  assert.equal((await daemon.ctl('logs', 'web', '--since', '0s')).out, '');
  assert.equal((await daemon.ctl('logs', 'web', '--since', '1h', '-n', '1')).out.trim().split('\n').length, 1);
  assert.equal((await daemon.ctl('logs', 'new', '--since', '1h')).out, '');
  const none = await daemon.ctl('logs', 'db', '--since', '5m');
  assert.deepEqual(
    [none.code, /the lines of the log of db have no timestamps; set log\.timestamps = true/.test(none.err)],
    [1, true],
  );
  const wrong = await daemon.ctl('logs', 'web', '--since', 'yesterday');
  assert.deepEqual([wrong.code, /--since: expected a duration/.test(wrong.err)], [1, true]);
});

test('logs --since goes back into the file that was rotated away, and names what is older', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  const file = join(daemon.prefix, 'web.log');
  daemon.control.logFiles.set('web', file);
  const stamped = (secondsAgo: number, text: string) => `${timestamp(Date.now() - secondsAgo * 1_000)} ${text}\n`;
  writeFileSync(`${file}.1`, stamped(400, 'old') + stamped(200, 'rotated'));
  const told = async (since: string) => {
    const { code, out, err } = await daemon.ctl('logs', 'web', '--since', since);
    assert.equal(code, 0, err);
    return [out.replace(/^\w{3} \d\d [\d:.]+ /gm, ''), err];
  };
  assert.deepEqual(await told('5m'), ['rotated\n', ''], 'there is no new file yet');
  writeFileSync(file, stamped(100, 'newer'));
  assert.deepEqual(await told('5m'), ['rotated\nnewer\n', '']);
  assert.deepEqual(await told('1h'), ['old\nrotated\nnewer\n', '']);
  for (const name of ['web.log.2.gz', 'web2.log.1', 'web.log.swp']) writeFileSync(join(daemon.prefix, name), '');
  assert.deepEqual(await told('5m'), ['rotated\nnewer\n', '']);
  const goesBack = `opsd: the log of web goes further back: zless ${file}.2.gz\n`;
  assert.deepEqual(await told('1h'), ['old\nrotated\nnewer\n', goesBack]);
  unlinkSync(`${file}.1`);
  assert.deepEqual(await told('5m'), ['newer\n', goesBack]);
});

test('logs -f follows across a rotation', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  const file = join(daemon.prefix, 'web.log');
  writeFileSync(file, 'one\n');
  daemon.control.logFiles.set('web', file);
  const child = start(daemon.prefix, ['ctl', 'logs', '-f', 'web']);
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  await waitFor('the end of the log', () => out === 'one\n');
  writeFileSync(file, 'two\n', { flag: 'a' });
  await waitFor('the next line', () => out === 'one\ntwo\n');
  writeFileSync(file, 'three\n', { flag: 'a' });
  renameSync(file, `${file}.1`);
  writeFileSync(file, 'four\n');
  await waitFor('the new file', () => out === 'one\ntwo\nthree\nfour\n');
  child.kill('SIGINT');
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 0);
});

test('events prints those that were kept, then what happens', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  daemon.control.change('web', 'stopping', { reason: 'restart by ann' });
  daemon.control.change('web', 'stopped');
  const kept = await daemon.ctl('events', '--no-follow', '-n', '1');
  assert.match(kept.out, /^\d\d:\d\d:\d\d\.\d{3} {2}web {2}stopping → stopped {3}restart by ann\n$/);
  const child = start(daemon.prefix, ['ctl', 'events', '--json', '-n', '0']);
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  await waitFor('the listener', () => daemon.control.listeners > 0);
  daemon.control.change('web', 'starting');
  await waitFor('the event', () => out.endsWith('\n'));
  assert.equal(JSON.parse(out).to, 'starting');
  await daemon.end();
  assert.equal(await new Promise((resolve) => child.once('exit', resolve)), 2);
});

test('events stand in columns', async () => {
  await using daemon = await fakeDaemon([service('web', UP), service('a-longer-name', UP)]);
  daemon.control.change('web', 'stopping', { reason: 'restart by ann' });
  daemon.control.change('a-longer-name', 'failed', { reason: 'exit code 3' });
  daemon.control.change('web', 'stopped', { reason: 'restart by ann' });
  const { out } = await daemon.ctl('events', '--no-follow');
  assert.deepEqual(out.replace(/^\S+ {2}/gm, '').split('\n'), [
    'web            running  → stopping  restart by ann',
    'a-longer-name  running  → failed    exit code 3',
    'web            stopping → stopped   restart by ann',
    '',
  ]);
});

test('why gives the cause, the evidence, what comes next and what would help', async () => {
  await using daemon = await fakeDaemon([service('web', { state: 'failed', reason: 'exit code 3' })]);
  daemon.control.lines.set('web', ['fatal: \u001b[2Jno disk']);
  const { code, out } = await daemon.ctl('why', 'web');
  assert.equal(code, 0);
  assert.match(
    out,
    /^web is failed: exit code 3\.\n.*Evidence\n.*Last lines of output\n {2}\| fatal: ␛\[2Jno disk\n.*Next\n.*What would help\n {2}opsd ctl logs web\n$/s,
  );
  assert.equal(JSON.parse((await daemon.ctl('why', 'web', '--json')).out).service, 'web');
});

test('shutdown returns when the daemon is gone', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  daemon.control.shutdown = () => void daemon.end();
  const { code, out } = await daemon.ctl('shutdown');
  assert.deepEqual([code, out], [0, 'opsd has ended, all services are stopped\n']);
});

test('handover says when nobody answers after it, and who was to start the next opsd', async () => {
  for (const [unit, remedy] of [
    [null, /nobody has started the next opsd within .*start it as before: opsd run/],
    ['opsd.service', /journalctl -u opsd\.service say why; systemctl start opsd\.service/],
  ] as const) {
    await using daemon = await fakeDaemon([service('web', UP)]);
    daemon.control.handoverResult = { ok: true, unit };
    daemon.control.handover = () => void daemon.end();
    const { code, err } = await daemon.ctl('handover', '--timeout', '300ms');
    assert.equal(code, 2);
    assert.match(err, /^opsd: opsd has ended and the services run on, but /);
    assert.match(err, remedy);
  }
  await using daemon = await fakeDaemon([service('web', UP)]);
  const { code, out } = await daemon.ctl('handover', '--no-wait');
  assert.deepEqual([code, out], [0, 'opsd was asked to hand over\n']);
});

test('a handover that the next opsd could not take over is refused with the problems', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  const problems = [{ where: 'cfg/config.toml', line: 3, key: 'services.web.comand', message: 'unknown key' }];
  const message = 'the next opsd could not start: the configuration has problems; this opsd goes on';
  daemon.control.handoverResult = { ok: false, code: 'bad_configuration', message, problems };
  const { code, err } = await daemon.ctl('handover');
  assert.equal(code, 1);
  assert.match(err, /the next opsd could not start.*\n.*config\.toml:3 +services\.web\.comand +unknown key/);
  assert.ok(!daemon.control.orders.some((order) => order.startsWith('handover')), 'it was handed over');
  assert.equal((await daemon.ctl('status')).code, 0);
});

test('no daemon, a stale socket and no permission are told apart, each with its remedy', async () => {
  await using folder = await scratch();
  const none = await opsd(folder.path, ['ctl', 'status']);
  assert.equal(none.code, 2);
  assert.match(none.err, /^opsd: opsd is not running: there is no folder .*\/run; start it with: .*PREFIX/);
  mkdirSync(join(folder.path, 'run'));
  assert.match((await opsd(folder.path, ['ctl', 'status'])).err, /not running: there is no .*opsd\.sock; start it/);

  const socket = join(folder.path, 'run', 'opsd.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  const stale = await opsd(folder.path, ['ctl', 'status']);
  assert.deepEqual([stale.code, /not running: nobody answers on .*stale socket/.test(stale.err)], [2, true]);

  for (const path of ['/etc/passwd', folder.path]) {
    const { code, err } = await opsd(folder.path, ['ctl', 'status', '--socket', path]);
    assert.deepEqual([code, err.startsWith(`opsd: ${path} is not a socket, `)], [2, true], err);
  }

  const stranger = createServer((peer) => peer.end('220 mail.example\r\n\r\n')).listen(join(folder.path, 's'));
  const strange = await opsd(folder.path, ['ctl', '--socket', join(folder.path, 's'), 'status']);
  const odd = await opsd(folder.path, ['ctl', 'status', '--socket', join(folder.path, 's')]);
  stranger.close();
  assert.equal(strange.code, 1);
  assert.deepEqual([odd.code, /is not opsd/.test(odd.err)], [2, true]);
});

test('without permission it says whose the socket is', { skip: process.getuid?.() !== 0 }, async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  chmodSync(daemon.prefix, 0o755);
  const client = join(import.meta.dirname, '../../src/cli/client/client.ts');
  const clock = join(import.meta.dirname, '../../src/runtime/system-clock.ts');
  const script = `import(${JSON.stringify(client)}).then(async ({ newClient }) => {
    const { systemClock } = await import(${JSON.stringify(clock)});
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    await newClient(${JSON.stringify(join(daemon.prefix, 'run', 'opsd.sock'))}, systemClock).get('/').catch((error) => console.log(error.message));
  })`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.match(stdout, /^no permission to use .*opsd\.sock \(mode 0600, uid 0\); use sudo, or set daemon\.socket_mode/);
});

test('usage errors exit 1 and say what was meant', async () => {
  await using folder = await scratch();
  const wrong = [
    [[], /Usage: opsd/],
    [['statsu'], /unknown command 'statsu'/],
    [['ctl'], /Usage: opsd ctl/],
    [['ctl', 'statsu'], /Did you mean status\?\)\n\(try: opsd ctl --help\)/],
    [['ctl', 'stop'], /missing required argument 'service'\n\(try: opsd ctl stop --help\)/],
    [['schema', 'x'], /\(try: opsd schema --help\)/],
    [['ctl', 'status', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [['ctl', 'stop', 'web', '--timeout'], /argument missing/],
    [['ctl', 'reload', 'web'], /too many arguments/],
  ] as const;
  for (const [args, text] of wrong) {
    const { code, err, out } = await opsd(folder.path, args);
    assert.deepEqual([args, code, out], [args, 1, '']);
    assert.match(err, text);
  }
});

test('help and the version go to stdout and exit 0', async () => {
  await using folder = await scratch();
  for (const [args, text] of [
    [['--help'], /Usage: opsd .*Exit codes: 0 success, 1 configuration or usage error, 2 runtime error/s],
    [['help', 'ctl'], /handover .*leave the services running/],
    [['ctl', 'stop', '--help'], /SERVICE is a name, a glob/],
    [['ctl', 'wait', '--help'], /how long to wait, such as 90s \(default: 60s\);\s+after\s+that\s+ctl\s+exits\s+2/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
  ] as const) {
    const { code, out, err } = await opsd(folder.path, args);
    assert.deepEqual([args, code, err], [args, 0, '']);
    assert.match(out, text);
  }
});

test('whoever stops reading ends it quietly', async () => {
  await using daemon = await fakeDaemon(Array.from({ length: 2_000 }, (_, i) => service(`s${i}`)));
  const child = start(daemon.prefix, ['ctl', 'status']);
  child.stdout.destroy();
  let err = '';
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  assert.deepEqual([await new Promise((resolve) => child.once('close', resolve)), err], [0, '']);
});

test('output that cannot be written is told in one line, and exits 2', async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  for (const args of [
    ['schema'],
    ['ctl', 'status'],
    ['ctl', 'status', '--watch'],
    ['ctl', 'logs'],
    ['ctl', 'events'],
    ['--help'],
  ]) {
    daemon.control.change('web', 'running');
    daemon.control.logFiles.set('web', join(daemon.prefix, 'web.log'));
    writeFileSync(join(daemon.prefix, 'web.log'), 'one\n');
    // What every write to it says: see full(4).
    const { code, err } = await opsdInto('/dev/full', daemon.prefix, args);
    assert.deepEqual([args, code, err], [args, 2, 'opsd: cannot write to stdout: no space left on device (ENOSPC)\n']);
  }
});

test('who stops reading what needs no daemon ends it quietly, too', async () => {
  await using folder = await scratch();
  const child = start(folder.path, ['schema']);
  child.stdout.destroy();
  const [err, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  assert.deepEqual([code, err], [0, '']);
});
