// The state file: what was saved comes back, and whatever happens to it costs only what it alone knew.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { SavedServiceRecord } from '../../../src/os/files/remembered.ts';
import { StateFile } from '../../../src/os/files/state-file.ts';
import { scratch } from '../../support/scratch.ts';
import { recordingLog } from '../output/outputs.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'takes root';
const BOOT = '11111111-2222-3333-4444-555555555555';

function service(name: string, more: Partial<SavedServiceRecord> = {}): SavedServiceRecord {
  return {
    name,
    generation: 7,
    pid: 4711,
    startTime: 123_456,
    uid: 1000,
    state: 'running',
    wish: 'up',
    restarts: 3,
    failuresInARow: 1,
    attemptsInARow: 2,
    startedAt: 1234.5,
    readyAt: 1300.25,
    deadline: 2000,
    fingerprint: 'abc',
    lastExit: { code: null, signal: 'SIGSEGV', oom: false },
    lastReason: 'signal',
    lastDetail: 'it crashed: “ouch”\n\u0000',
    ...more,
  };
}

const SOME = [
  service('web'),
  service('db', { pid: null, startTime: null, uid: null, state: 'stopped', wish: 'down', lastExit: null }),
];

async function stateFile(boot = BOOT) {
  const folder = await scratch();
  const log = recordingLog();
  return {
    dir: folder.path,
    log,
    file: new StateFile(folder.path, boot, log),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** A file with a right checksum around whatever `body` is. */
const wrapped = (body: string, version = 1): string =>
  `{"version":${version},"crc32":${crc32(body)},"bootId":"${BOOT}","services":${body}}\n`;

test('what is saved comes back; the file is JSON, ours alone, and the one before is kept', async () => {
  await using s = await stateFile();
  assert.deepEqual(s.file.load(), { services: [], rebooted: false, trouble: null });
  assert.equal(s.file.saveNow(SOME), true);
  assert.deepEqual(s.file.load(), { services: SOME, rebooted: false, trouble: null });
  assert.deepEqual(JSON.parse(readFileSync(s.file.path, 'utf8')).services, SOME);
  assert.equal(statSync(s.file.path).mode & 0o777, 0o600);
  assert.equal(s.file.saveNow([]), true);
  assert.deepEqual(JSON.parse(readFileSync(`${s.file.path}.bak`, 'utf8')).services, SOME);
  assert.deepEqual(readdirSync(s.dir).sort(), ['opsd.state.json', 'opsd.state.json.bak']);
});

test('cut off at any byte: nothing is believed, the file is kept aside, and the copy before it serves', async () => {
  await using s = await stateFile();
  s.file.saveNow([service('old')]);
  s.file.saveNow(SOME);
  const whole = readFileSync(s.file.path);
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(s.file.path, whole.subarray(0, length), { mode: 0o600 });
    const { services, trouble } = s.file.load();
    assert.deepEqual(services, [service('old')], `cut at ${length}`);
    assert.match(trouble ?? '', /cut off.*kept as .*unreadable; its backup is used/);
    assert.equal(readFileSync(`${s.file.path}.unreadable`).length, length);
  }
});

test('any byte changed: never a crash, and never something that was not saved', async () => {
  await using s = await stateFile();
  s.file.saveNow(SOME);
  const whole = readFileSync(s.file.path);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0x55;
    writeFileSync(s.file.path, damaged, { mode: 0o600 });
    const { services, rebooted } = s.file.load();
    // Only the boot id is outside of the checksum: then it is another boot's.
    if (!rebooted) assert.deepEqual(services, [], `byte ${at}`);
  }
});

test('garbage, other versions and nonsense cost only what the file knew', async () => {
  await using s = await stateFile();
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /not a state file/],
    ['null', /not a state file/],
    ['\0'.repeat(10_000), /not a state file/],
    [wrapped('[]', 2), /version 2, this opsd reads 1/],
    [wrapped('[1'), /not a state file|not JSON/],
    [wrapped('[1]').replace(/"crc32":\d+/, '"crc32":1'), /checksum/],
  ];
  for (const [text, says] of cases) {
    writeFileSync(s.file.path, text, { mode: 0o600 });
    const { services, trouble } = s.file.load();
    assert.deepEqual(services, []);
    assert.match(trouble ?? '', says);
    assert.equal(readFileSync(`${s.file.path}.unreadable`, 'utf8'), text);
    assert.equal(existsSync(s.file.path), false);
  }
});

test('a file of a version that did not count pauses and recent failures is read, and so is one that does', async () => {
  await using s = await stateFile();
  const counting = service('new', { recentFailures: { count: 3.5, at: 1_000.25 }, pausesInARow: 2 });
  s.file.saveNow([service('old'), counting]);
  assert.deepEqual(s.file.load().services, [service('old'), counting]);
  // After a reboot times mean nothing any more.
  const [, after] = new StateFile(s.dir, 'another boot', s.log).load().services;
  assert.deepEqual([after?.recentFailures, after?.pausesInARow], [undefined, undefined]);
});

test('an entry that makes no sense is left out, the others are kept', async () => {
  await using s = await stateFile();
  const nonsense: readonly object[] = [
    { ...service('a'), pid: 1 },
    { ...service('b'), pid: -5 },
    { ...service('c'), pid: '12' },
    { ...service('d'), name: '../../etc/passwd' },
    { ...service('e'), state: 'toString' },
    { ...service('f'), lastExit: { code: 'x' } },
    { ...service('g'), generation: 1.5 },
    { ...service('i'), pausesInARow: -1 },
    { ...service('j'), recentFailures: { count: '1', at: 0 } },
    { ...service('k'), recentFailures: { count: 1e300, at: 0 } },
    { ...service('l'), recentFailures: null },
    { name: 'h' },
    [],
  ];
  writeFileSync(s.file.path, wrapped(JSON.stringify([...nonsense, service('web')])), { mode: 0o600 });
  const { services, trouble } = s.file.load();
  assert.deepEqual(services, [service('web')]);
  assert.match(trouble ?? '', /13 of 14 entries/);
});

test('after a reboot only counters and the last exit are left: no process, no wish', async () => {
  await using s = await stateFile();
  s.file.saveNow([service('web')]);
  const { services, rebooted, trouble } = new StateFile(s.dir, 'another boot', s.log).load();
  assert.equal(rebooted, true);
  assert.equal(trouble, null);
  assert.deepEqual(services, [
    service('web', {
      pid: null,
      startTime: null,
      uid: null,
      state: 'stopped',
      wish: null,
      failuresInARow: 0,
      attemptsInARow: 0,
      startedAt: null,
      readyAt: null,
      deadline: null,
    }),
  ]);
});

test('killed between the two renames of a save: the copy is the state, without a word', async () => {
  await using s = await stateFile();
  s.file.saveNow(SOME);
  s.file.saveNow([]);
  rmSync(s.file.path);
  assert.deepEqual(s.file.load(), { services: SOME, rebooted: false, trouble: null });
});

test('a symlink, a file of somebody else, one that others can write, a folder: not believed, not followed', async (t) => {
  await using s = await stateFile();
  const victim = join(s.dir, 'victim');
  writeFileSync(victim, wrapped(JSON.stringify(SOME)), { mode: 0o600 });
  symlinkSync(victim, s.file.path);
  assert.match(s.file.load().trouble ?? '', /symlink/);
  s.file.saveNow(SOME);
  chmodSync(s.file.path, 0o666);
  assert.match(s.file.load().trouble ?? '', /others than opsd can write it/);
  mkdirSync(s.file.path);
  assert.match(s.file.load().trouble ?? '', /not a file/);
  assert.equal(readFileSync(victim, 'utf8'), wrapped(JSON.stringify(SOME)));
  if (needsRoot) return t.diagnostic('the file of somebody else was left out: it takes root');
  s.file.saveNow(SOME);
  chownSync(s.file.path, 65534, 65534);
  assert.match(s.file.load().trouble ?? '', /belongs to uid 65534/);
});

test('a full disk is said once, keeps the old file, and is over when it is over', { skip: needsRoot }, async () => {
  await using s = await stateFile();
  const tiny = join(s.dir, 'tiny');
  mkdirSync(tiny);
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', tiny]).status, 0);
  try {
    const file = new StateFile(tiny, BOOT, s.log);
    assert.equal(file.saveNow(SOME), true);
    writeFileSync(join(tiny, 'ballast'), Buffer.alloc(65_536 - 4_096));
    assert.equal(file.saveNow([service('new')]), false);
    assert.equal(file.saveNow([service('new')]), false);
    assert.equal(s.log.lines.length, 1);
    assert.match(s.log.lines[0] ?? '', /^ERROR cannot write the state file.*ENOSPC/);
    assert.deepEqual(file.load().services, SOME);
    rmSync(join(tiny, 'ballast'));
    assert.equal(file.saveNow([service('new')]), true);
    assert.match(s.log.lines[1] ?? '', /^INFO the state file can be written again/);
    assert.deepEqual(file.load().services, [service('new')]);
  } finally {
    spawnSync('umount', ['--lazy', tiny]);
  }
});
