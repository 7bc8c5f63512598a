// PID files: whole or not there, ours or left alone, and never the cause of anything worse than a line in the log.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readPid, ServicePidFiles } from '../../../src/os/files/pid-files.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';
import { recordingLog } from '../output/outputs.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'takes root';

async function pidFiles() {
  const folder = await scratch();
  const log = recordingLog();
  return {
    dir: folder.path,
    path: join(folder.path, 'web.pid'),
    log,
    files: new ServicePidFiles(folder.path, log, systemClock),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test('one decimal and a newline, readable by all, gone when removed, with nothing left beside it', async () => {
  await using p = await pidFiles();
  p.files.write('web', 4711);
  assert.equal(readFileSync(p.path, 'utf8'), '4711\n');
  assert.equal(lstatSync(p.path).mode & 0o777, 0o644);
  assert.equal(readPid(p.path), 4711);
  p.files.write('web', 42);
  assert.equal(readPid(p.path), 42);
  p.files.remove('web');
  p.files.remove('web');
  assert.deepEqual(readdirSync(p.dir), []);
  assert.deepEqual(p.log.lines, []);
});

test('a reader sees the old PID or the new one, never nothing, never a part', async () => {
  await using p = await pidFiles();
  p.files.write('web', 1000000);
  const script = `
    const { readFileSync } = require('node:fs');
    let reads = 0;
    process.send('ready');
    process.on('message', () => process.exit(reads > 100 ? 0 : 3));
    (function read() {
      for (let i = 0; i < 200; i++, reads++) {
        const text = readFileSync(${JSON.stringify(p.path)}, 'utf8');
        if (!/^1\\d{6}\\n$/.test(text)) { console.error(JSON.stringify(text)); process.exit(2); }
      }
      setImmediate(read);
    })();`;
  const reader = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(reader, 'exit');
  await once(reader, 'message');
  for (let pid = 1000001; pid < 1003000; pid++) p.files.write('web', pid);
  reader.send('stop');
  assert.deepEqual(await exited, [0, null]);
});

test('a symlink in its place, or in that of the file written before it, is replaced and not followed', async () => {
  await using p = await pidFiles();
  const victim = join(p.dir, 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, p.path);
  symlinkSync(victim, join(p.dir, '.web.pid.new'));
  p.files.write('web', 4711);
  assert.equal(readFileSync(victim, 'utf8'), 'untouched');
  assert.ok(lstatSync(p.path).isFile());
  rmSync(p.path);
  symlinkSync(victim, p.path);
  assert.equal(readPid(p.path), null);
  p.files.remove('web');
  assert.equal(readFileSync(victim, 'utf8'), 'untouched');
  assert.equal(existsSync(p.path), false);
});

test('what a service wrote into its PID file, or left of it, makes no difference', async () => {
  await using p = await pidFiles();
  p.files.write('web', 4711);
  writeFileSync(p.path, '1\n');
  p.files.remove('web');
  assert.equal(existsSync(p.path), false);
  p.files.write('web', 4711);
  rmSync(p.path);
  p.files.remove('web');
  assert.deepEqual(p.log.lines, []);
});

test('a file of somebody else is left alone, and said', { skip: needsRoot }, async () => {
  await using p = await pidFiles();
  writeFileSync(p.path, '4711\n');
  chownSync(p.path, 65534, 65534);
  p.files.remove('web');
  assert.ok(existsSync(p.path));
  assert.match(p.log.lines.join(), /WARN cannot remove the PID file.*belongs to uid 65534/);
});

test('a folder in its place, a run directory that is gone, a full disk: one warning each', async (t) => {
  await using p = await pidFiles();
  mkdirSync(join(p.path, 'full'), { recursive: true });
  p.files.write('web', 4711);
  p.files.remove('web');
  assert.equal(p.log.lines.length, 2);
  const log = recordingLog();
  new ServicePidFiles(join(p.dir, 'gone'), log, systemClock).write('web', 4711);
  new ServicePidFiles(join(p.dir, 'gone'), log, systemClock).remove('web');
  assert.match(log.lines.join('\n'), /^WARN cannot write the PID file.*ENOENT[^\n]*$/);
  if (needsRoot) return t.diagnostic('the full disk was left out: mounting one takes root');
  const tiny = join(p.dir, 'tiny');
  mkdirSync(tiny);
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', tiny]).status, 0);
  try {
    writeFileSync(join(tiny, 'ballast'), Buffer.alloc(4096));
    const full = recordingLog();
    new ServicePidFiles(tiny, full, systemClock).write('web', 4711);
    assert.match(full.lines.join('\n'), /^WARN cannot write the PID file.*ENOSPC[^\n]*$/);
    assert.deepEqual(readdirSync(tiny), ['ballast']);
  } finally {
    spawnSync('umount', ['--lazy', tiny]);
  }
});

test('anything but one decimal number is no PID', async () => {
  await using p = await pidFiles();
  const garbage = [
    '',
    '\n',
    '0',
    '-1',
    ' 12\n',
    '12 ',
    '12abc',
    '012',
    '1.5',
    '+7',
    '12\n\n',
    '1'.repeat(11),
    '9'.repeat(20),
    '12\0',
    '\0'.repeat(1 << 20),
    '0'.repeat(1 << 20),
  ];
  for (const text of garbage) {
    writeFileSync(p.path, text);
    assert.equal(readPid(p.path), null, JSON.stringify(text.slice(0, 20)));
  }
  for (const text of ['1', '12\n', '4194304\n']) {
    writeFileSync(p.path, text);
    assert.equal(readPid(p.path), Number(text));
  }
  rmSync(p.path);
  assert.equal(readPid(p.path), null);
  mkdirSync(p.path);
  assert.equal(readPid(p.path), null);
  assert.equal(spawnSync('mkfifo', [join(p.dir, 'fifo')]).status, 0);
  assert.equal(readPid(join(p.dir, 'fifo')), null);
});
