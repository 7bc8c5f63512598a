// A service with a heartbeat has to show that it lives: what counts as a beat, and when silence is judged.

import { strict as assert } from 'node:assert';
import { chownSync, mkdirSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startOpsd } from '../support/opsd.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const beating = (name: string, beat: string) =>
  `[services.${name}]\ncommand = ["sh", "-c", '''mkdir -p tmp; f=$OPSD_HEARTBEAT_FILE; n=0; ${beat}''']\n`;

test('a service that falls silent is restarted', async () => {
  const config = `[defaults]\nheartbeat = { timeout = "300ms", grace = "2s" }
${beating('silent', 'touch $f; echo >>runs; exec sleep 1000')}
${beating('talking', 'while :; do touch $f; sleep 0.05; done')}`;
  await using opsd = await startOpsd({ config });
  const view = await opsd.until('silent', ({ restarts }) => restarts >= 1);
  assert.ok(view.generation >= 2);
  assert.ok((await opsd.changes('silent')).some((change) => change.endsWith('heartbeat_lost')));
  await opsd.logged(/state service=silent from=running to=stopping generation=1 pid=\d+ reason=heartbeat_lost/);
  const talking = await opsd.status('talking');
  assert.deepEqual([talking.state, talking.generation], ['running', 1]);
  assert.ok(talking.heartbeat_age_seconds !== null && talking.heartbeat_age_seconds < 1);
});

test('a service that never beats is given its grace, and no more', async () => {
  const config = `[defaults]\nheartbeat = { timeout = "100ms", grace = "400ms" }
${beating('mute', 'date +%s%N >>mute; exec sleep 1000')}`;
  await using opsd = await startOpsd({ config });
  await opsd.until('mute', ({ generation, state }) => generation === 2 && state === 'running');
  const starts = await waitFor('two starts', async () => {
    const lines = (await opsd.read('mute')).trim().split('\n');
    return lines.length >= 2 && lines.map((nanos) => Number(BigInt(nanos) / 1_000_000n));
  });
  const [first = 0, second = 0] = starts;
  // Both starts are a little late; the grace and the backoff of 100 ms ± 10 % lie between them.
  assert.ok(second - first >= 440, `restarted after ${second - first} ms`);
});

/** Every way to change a file that programs use. None of them may be missed for longer than the timeout. */
const WAYS = {
  touch: 'touch $f',
  append: 'echo >>$f',
  truncate: 'date >$f; : >$f',
  rename: 'date >$f.new; mv $f.new $f',
  recreate: 'rm -f $f; date >$f',
  'folder-recreated': 'rm -r hb; mkdir hb; date >$f',
  'far-future': 'n=$((n+1)); touch -d "+1 year $n seconds" $f',
  'far-past': 'n=$((n+1)); touch -d @$n $f',
  'going-backwards': 'n=$((n+1)); touch -d "$n minutes ago" $f',
};

test('each change of the file is a beat, whatever its time says', async () => {
  const services = Object.entries(WAYS).map(([name, beat]) =>
    beating(name, `while :; do ${beat}; sleep 0.1; done`).concat(
      name === 'folder-recreated' ? 'heartbeat = { timeout = "1500ms", file = "hb/beat" }\n' : '',
    ),
  );
  const config = `[defaults]\nheartbeat = "1500ms"\n${services.join('')}
[services.stuck-in-future]
command = ["sh", "-c", 'touch -d "+1 year" $OPSD_HEARTBEAT_FILE; exec sleep 1000']\n`;
  await using opsd = await startOpsd({ config, files: { 'hb/beat': '' } });
  // By then each of them had to beat some fifteen times.
  await opsd.until('stuck-in-future', ({ restarts }) => restarts >= 1);
  for (const name of Object.keys(WAYS)) {
    const view = await opsd.status(name);
    assert.deepEqual([view.state, view.generation], ['running', 1], `${name}: ${view.reason}`);
  }
});

test('a file of the run before is neither a beat nor a reason to judge', async () => {
  const config = `[defaults]\nheartbeat = { timeout = "200ms", grace = "1s" }
${beating('slow', 'sleep 0.6; while :; do touch $f; sleep 0.05; done')}
${beating('never', 'exec sleep 1000')}`;
  await using opsd = await startOpsd({ config, files: { 'tmp/slow.heartbeat': '', 'tmp/never.heartbeat': '' } });
  await opsd.until('never', ({ restarts }) => restarts >= 1);
  const view = await opsd.status('slow');
  assert.deepEqual([view.state, view.generation], ['running', 1]);
  const changes = await opsd.changes('never');
  assert.ok(changes.some((change) => change.endsWith('heartbeat_lost')));
});

test('a service that drains after SIGTERM is not judged by its silence', async () => {
  const script = 'trap "sleep 0.8; echo drained; exit 0" TERM; while :; do touch $f; sleep 0.05; done';
  await using opsd = await startOpsd({ config: `${beating('web', script)}heartbeat = "250ms"\n` });
  await opsd.until('web', ({ heartbeat_age_seconds }) => heartbeat_age_seconds !== null);
  await opsd.order('stop', 'web');
  assert.equal(await opsd.output('web'), 'drained\n');
  assert.deepEqual((await opsd.changes('web')).slice(2), ['running>stopping operator', 'stopping>stopped operator']);
});

test('opsd punishes nobody for its own sleep', async () => {
  // While opsd is stopped the service goes on beating, then falls silent for less than the timeout.
  const config = `${beating('web', 'while :; do touch $f; sleep 0.1; done')}heartbeat = "1s"\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('web', ({ heartbeat_age_seconds }) => heartbeat_age_seconds !== null);
  const web = await opsd.status('web');
  assert.ok(web.pid);
  opsd.kill('SIGSTOP');
  await waitFor('opsd to be stopped', () => /\) T /.test(procFile(opsd.daemon.pid, 'stat')));
  process.kill(web.pid, 'SIGSTOP');
  // The length of the sleep is what is tested.
  await pause(3_000);
  opsd.kill('SIGCONT');
  await opsd.status('web');
  process.kill(web.pid, 'SIGCONT');
  const view = await opsd.until('web', (seen) => (seen.heartbeat_age_seconds ?? 9) < 0.9);
  assert.deepEqual([view.state, view.pid, view.generation], ['running', web.pid, 1]);
});

test('a missing folder of a heartbeat is made at the start, with the rights of the service', async () => {
  const touch = 'while :; do touch "$OPSD_HEARTBEAT_FILE"; sleep 0.05; done';
  const beats = (name: string, more: string) =>
    `[services.${name}]\ncommand = ["sh", "-c", '${touch}']\nheartbeat = "2s"\nready = "heartbeat"\n${more}\n`;
  const isRoot = process.geteuid?.() === 0;
  const other = `cwd = "app"\nuser = "nobody"\nheartbeat = { timeout = "300ms", file = "own/beats/web" }\n`;
  const config = [
    beats('usual', 'cwd = "app"'),
    beats('niced', 'cwd = "app"\nnice = 1').replace(
      'heartbeat = "2s"',
      'heartbeat = { timeout = "2s", file = "a/b c/beat" }',
    ),
    isRoot ? beats('other', other).replace('heartbeat = "2s"\n', '') : '',
  ].join('');
  await using opsd = await startOpsd({ config, files: { 'app/x': '' } });
  await opsd.until('usual', 'running');
  await opsd.until('niced', 'running');
  assert.equal(statSync(`${opsd.dir}/app/a/b c`).mode & 0o777, 0o755);
  if (!isRoot) return;
  // Its user may not make it: opsd does not do it instead, and says what is missing.
  await opsd.until('other', ({ restarts }) => restarts >= 1);
  assert.equal(statSync(`${opsd.dir}/app/own`, { throwIfNoEntry: false }), undefined);
  assert.match((await opsd.ctl('why', 'other')).stdout, /missing folder .*own\/beats does not exist/);
  mkdirSync(`${opsd.dir}/app/own`);
  chownSync(`${opsd.dir}/app/own`, 65_534, 65_534);
  await opsd.until('other', 'running');
  assert.equal(statSync(`${opsd.dir}/app/own/beats`).uid, 65_534);
});

test('opsd has a heartbeat of its own', async () => {
  await using opsd = await startOpsd({ config: '' });
  const age = () => statSync(`${opsd.dir}/tmp/opsd.heartbeat`, { throwIfNoEntry: false })?.mtimeMs;
  const first = await waitFor('the first beat', age);
  await waitFor('the next beat', () => (age() ?? 0) > first, 15_000);
});
