// Services that say themselves that they are ready: by a newline on a descriptor, or by a line in their log.

import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Readiness, ServiceSpec } from '../../../src/core/model/spec.ts';
import { waitFor } from '../../support/wait.ts';
import { type Rig, rig, shell } from '../rig.ts';

function readyOn(on: 'fd' | 'log', script: string, pattern: string | null = null, timestamps = false): ServiceSpec {
  const spec = shell(script);
  const ready: Readiness = { on, timeout: 10_000, delay: 0, probe: null, interval: 500, pattern };
  return { ...spec, policy: { ...spec.policy, ready, timestamps } };
}

const notified = (r: Rig): string[] => readdirSync(join(r.runDir, 'notify'));
const readies = (r: Rig) => r.events.filter(({ type }) => type === 'ready');

test('a newline on OPSD_NOTIFY_FD is readiness, once, and not what comes before it', async () => {
  await using r = await rig();
  const wait = `until [ -e ${r.dir}/go ]; do sleep 0.02; done`;
  const tell = 'echo >&$OPSD_NOTIFY_FD';
  await r.start(readyOn('fd', `printf almost >&$OPSD_NOTIFY_FD; echo said; ${wait}; ${tell}; ${tell}; sleep 60`));
  await waitFor('its first word', async () => (await r.output()).includes('said'));
  assert.deepEqual(readies(r), []);
  writeFileSync(join(r.dir, 'go'), '');
  assert.deepEqual(await r.event('ready'), { type: 'ready', service: 'web', generation: 1 });
  assert.deepEqual(notified(r), []);
  assert.equal(readies(r).length, 1);
});

test('a service without such a readiness gets no descriptor', async () => {
  await using r = await rig();
  await r.start(shell('echo "fd=$OPSD_NOTIFY_FD"'));
  await r.event('exited');
  assert.equal(await r.output(), 'fd=\n');
});

test('what a service says while no opsd is there is heard by the next one', async () => {
  await using r = await rig();
  await r.start(
    readyOn('fd', `until [ -e ${r.dir}/go ]; do sleep 0.02; done; echo >&$OPSD_NOTIFY_FD; echo told; sleep 60`),
  );
  await r.processes[Symbol.asyncDispose]();
  r.signals[Symbol.dispose]();
  writeFileSync(join(r.dir, 'go'), '\n');
  await waitFor('it to speak', async () => (await r.output()).includes('told'));
  await using next = await rig({ after: r });
  const [found] = next.discover().found;
  assert.ok(found);
  next.processes.adopt(found, readyOn('fd', ''));
  assert.deepEqual(await next.event('ready'), { type: 'ready', service: 'web', generation: 1 });
  assert.deepEqual(readies(r), []);
});

test('what a dead generation left is swept away', async () => {
  await using r = await rig();
  await r.start(readyOn('fd', 'sleep 60'));
  writeFileSync(join(r.runDir, 'notify', 'gone.3'), '');
  r.signals.sweep();
  assert.deepEqual(notified(r), ['web.1']);
  r.processes.kill('web', 1);
  await r.event('exited');
  assert.deepEqual(notified(r), []);
});

test('a line that matches is readiness; half a line and the lines of an earlier generation are not', async () => {
  await using r = await rig();
  writeFileSync(join(r.dir, 'out'), 'listening on 80\n');
  await r.start(
    readyOn(
      'log',
      `printf 'listen'; until [ -e ${r.dir}/go ]; do sleep 0.02; done; printf 'ing on 81\\r\\n'; sleep 60`,
      '^listening on \\d+$',
    ),
  );
  await waitFor('half a line', async () => (await r.output()).endsWith('listen'));
  assert.deepEqual(readies(r), []);
  writeFileSync(join(r.dir, 'go'), '\n');
  await r.event('ready');
  assert.deepEqual(notified(r), []);
});

test('a coloured line is the line that a terminal shows', async () => {
  const lines: readonly string[] = [
    String.raw`\033[32mListening\033[0m`,
    String.raw`\033[1;38;5;40mListen\033[0ming`,
    String.raw`\033]0;title\007Listening`,
    String.raw`\033]8;;http://host\033\\Listening\033]8;;\033\\`,
    String.raw`\033(B\033[mListening\033[K\r`,
    String.raw`\302\2331mListening`,
    String.raw`Loading 10 %%\rLoading 90 %%\rListening`,
    String.raw`\r\033[2KListening`,
  ];
  for (const line of lines) {
    await using r = await rig();
    await r.start(readyOn('log', `printf '${line}\\n'; sleep 60`, '^Listening$'));
    await r.event('ready');
  }
  // A pattern that asks for the colour finds it.
  await using r = await rig();
  await r.start(
    readyOn('log', String.raw`printf '\033[32mListening\033[0m\n'; sleep 60`, String.raw`\x1b\[32mListening`),
  );
  await r.event('ready');
});

test('that something was written is told, once, and not of a silent service', async () => {
  await using r = await rig();
  const wrote = () => r.events.filter(({ type }) => type === 'wrote').length;
  await r.start(
    readyOn('log', `until [ -e ${r.dir}/go ]; do sleep 0.02; done; printf x; echo y; echo up; sleep 60`, '^up$'),
  );
  // As long as the file is looked at, some looks are over by the time that a line can be read.
  await waitFor('its process', () => r.events.some(({ type }) => type === 'spawned'));
  assert.equal(wrote(), 0);
  writeFileSync(join(r.dir, 'go'), '\n');
  await r.event('ready');
  assert.equal(wrote(), 1);
});

test('a prompt without a newline is readiness once nothing is added to it', async () => {
  for (const [prompt, pattern] of [
    ['db> ', '> $'],
    ['Listening', '^Listening$'],
    [String.raw`\033[1mready>\033[0m `, '^ready> $'],
  ] as const) {
    await using r = await rig();
    await r.start(readyOn('log', `echo begun; printf '${prompt}'; sleep 60`, pattern));
    await r.event('ready');
  }
  // With timestamps in front, too.
  await using r = await rig();
  await r.start(readyOn('log', `printf 'db> '; sleep 60`, '^db> $', true));
  await r.event('ready');
});

test('a line that matches only because it is not over yet is no readiness', async () => {
  await using r = await rig();
  // Each piece comes before the second look at the one before.
  const script = `i=0; while [ $i -lt 40 ]; do printf 'a'; sleep 0.01; i=$((i+1)); done; echo; echo done; sleep 60`;
  await r.start(readyOn('log', script, '^a{10}$'));
  await waitFor('its end', async () => (await r.output()).includes('done'));
  assert.deepEqual(readies(r), []);
});

test('a line is found in the file that took the place of a rotated one', async () => {
  await using r = await rig();
  await r.start(readyOn('log', 'echo begun; sleep 60', '^up$'));
  await waitFor('its output', async () => (await r.output()).includes('begun'));
  renameSync(join(r.dir, 'out'), join(r.dir, 'out.1'));
  appendFileSync(join(r.dir, 'out'), 'up\n');
  await r.event('ready');
});

test('a flood before it, and a line without end, keep nobody from finding it', async () => {
  await using r = await rig();
  await r.start(
    readyOn('log', `head -c 3000000 /dev/zero | tr '\\0' x; echo; yes no | head -n 200000; echo up; sleep 60`, '^up$'),
  );
  await r.event('ready');
});

test('a million empty lines before it keep nobody waiting, and an empty line can be what is waited for', async () => {
  await using r = await rig();
  await r.start(readyOn('log', `head -c 1048576 /dev/zero | tr '\\0' '\\n'; echo up; sleep 60`, '^up$'));
  await r.event('ready');
  for (const text of ['', String.raw`\r`, String.raw`\033[0m`]) {
    await using other = await rig();
    await other.start(readyOn('log', `printf 'begun\\n${text}\\n'; sleep 60`, '^$'));
    await other.event('ready');
  }
});

test('the timestamps of opsd are no part of the line', async () => {
  await using r = await rig();
  await r.start(readyOn('log', 'echo "Nov 23 16:10:00.123 up"; sleep 60', '^up$', true));
  await r.event('ready');
});

test('the next opsd reads on from where the generation began', async () => {
  await using r = await rig();
  writeFileSync(join(r.dir, 'out'), 'up\n');
  const spec = readyOn('log', `until [ -e ${r.dir}/go ]; do sleep 0.02; done; echo up; echo told; sleep 60`, '^up$');
  await r.start(spec);
  await r.processes[Symbol.asyncDispose]();
  r.signals[Symbol.dispose]();
  await using next = await rig({ after: r });
  const [found] = next.discover().found;
  assert.ok(found);
  next.processes.adopt(found, spec);
  writeFileSync(join(r.dir, 'go'), '\n');
  await next.event('ready');
  assert.match(await r.output(), /told/);
});

test('no line keeps the loop busy, whatever the pattern', async () => {
  await using r = await rig();
  const line = `${'a'.repeat(40)}b`;
  await r.start(readyOn('log', `echo ${line}; echo aaa; sleep 60`, '^(a+)+$'));
  assert.deepEqual(await r.event('ready'), { type: 'ready', service: 'web', generation: 1 });
});
