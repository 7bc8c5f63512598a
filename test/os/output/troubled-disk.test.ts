// Disks that are full, slow or stuck: services live on, opsd neither grows nor waits, and what was lost is said.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Kernel, loadKernel } from '../../../src/os/fifo/kernel.ts';
import { waitFor } from '../../support/wait.ts';
import { bench, specOf } from './outputs.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'mounting a tiny tmpfs takes root';

/** A disk of one megabyte at `path`. */
function tinyDisk(path: string): Disposable {
  mkdirSync(path);
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=755', 'tmpfs', path], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return {
    [Symbol.dispose]() {
      spawnSync('umount', ['--lazy', path]);
    },
  };
}

for (const [how, options] of [
  ['by the kernel', {}],
  ['by read and write', { kernel: null }],
] as const) {
  for (const stamps of [false, true]) {
    test(`a full disk: the service goes on, the loss is counted and marked when there is room again (${how}, ${stamps ? 'stamped' : 'plain'})`, {
      skip: needsRoot,
    }, async () => {
      await using places = await bench();
      const logDir = join(places.path, 'tiny');
      using _disk = tinyDisk(logDir);
      await using b = await bench({ logDir, retryEvery: 50, ...options });
      const spec = specOf('web', 'capture', stamps);
      b.outputs.prepare([spec]);
      writeFileSync(join(logDir, 'ballast'), Buffer.alloc(600_000));

      assert.equal(await b.finish(spec, "head -c 3000000 /dev/zero | tr '\\0' x"), 0);
      await waitFor('the loss', () => b.counted.dropped > 0 && b.counted.dropped + b.counted.written >= 3_000_000);
      assert.ok(
        b.log.lines.some(
          (line) => line.startsWith('ERROR cannot write to the log of a service') && line.includes('ENOSPC'),
        ),
      );

      rmSync(join(logDir, 'ballast'));
      await waitFor('room', () =>
        b.log.lines.some((line) => line.startsWith('INFO the log of a service can be written again')),
      );
      await b.finish(spec, 'echo after');
      const log = join(logDir, 'web.log');
      const text = await waitFor('the next line', () => {
        const found = spawnSync('tail', ['-n', '2', log], { encoding: 'latin1' }).stdout;
        return found.endsWith('after\n') && found;
      });
      const time = stamps ? '\\w{3} \\d\\d [\\d:.]{12} ' : '';
      assert.match(
        text,
        new RegExp(`^${time}opsd: \\d+ bytes of output were lost here \\(ENOSPC\\)\\n${time}after\\n$`),
      );
    });
  }
}

test('a log that cannot be opened (a folder, a symlink) costs its output, no more, and is not followed', async () => {
  await using b = await bench({ retryEvery: 50 });
  mkdirSync(b.logOf('folder'));
  const victim = join(b.path, 'victim');
  writeFileSync(victim, 'untouched');
  spawnSync('ln', ['-s', victim, b.logOf('link')]);
  b.outputs.prepare([specOf('folder'), specOf('link')]);
  assert.equal(await b.finish(specOf('folder'), 'echo one'), 0);
  assert.equal(await b.finish(specOf('link'), 'echo two'), 0);
  await waitFor('both losses', () => b.counted.dropped === 8);
  assert.deepEqual([b.outputs.lastLines('folder'), b.outputs.lastLines('link')], [['one'], ['two']]);
  rmSync(b.logOf('link'));
  await waitFor('the link to be gone', () => b.read('link') === 'opsd: 4 bytes of output were lost here (ELOOP)\n');
  assert.equal(spawnSync('cat', [victim], { encoding: 'utf8' }).stdout, 'untouched');
});

for (const mode of ['capture', 'direct'] as const) {
  test(`a log folder that was removed is made again as it is at the start (${mode})`, async () => {
    await using b = await bench();
    const folder = join(b.path, 'log');
    const spec = specOf('web', mode);
    b.outputs.prepare([spec]);
    await b.finish(spec, 'echo one');
    await waitFor('the first line', () => b.read('web') === 'one\n');
    rmSync(folder, { recursive: true });
    const umask = process.umask(0o077);
    try {
      // Captured output is looked for under its name once a second.
      const child = b.run(spec, 'while :; do echo more; sleep 0.02; done');
      await waitFor('a new log', () => b.read('web').includes('more\n'));
      child.kill('SIGKILL');
    } finally {
      process.umask(umask);
    }
    assert.equal(statSync(folder).mode & 0o7777, 0o755);
    assert.deepEqual([b.counted.dropped, b.log.lines], [0, []]);
  });

  test(`a symlink in the place of the log folder is not followed when that is made again (${mode})`, async () => {
    await using b = await bench({ retryEvery: 50 });
    const folder = join(b.path, 'log');
    const spec = specOf('web', mode);
    b.outputs.prepare([spec]);
    rmSync(folder, { recursive: true });
    symlinkSync(join(b.path, 'elsewhere'), folder);
    const says = /log is a symlink: put a directory in its place/;
    if (mode === 'direct') assert.throws(() => b.outputs.open(spec), { name: 'RuntimeError', message: says });
    else {
      await b.finish(spec, 'echo one');
      await waitFor('the reason', () => b.log.lines.some((line) => says.test(line)));
    }
    assert.equal(existsSync(join(b.path, 'elsewhere')), false);
    rmSync(folder);
    if (mode === 'capture') await waitFor('the folder', () => existsSync(folder));
    await b.finish(spec, 'echo two');
    await waitFor('the next line', () => b.read('web').endsWith('two\n'));
  });
}

test('the line about a log that cannot be written says what to do about it', async () => {
  await using b = await bench();
  mkdirSync(b.logOf('web'));
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo one');
  const line = await waitFor('the line', () => b.log.lines[0]);
  assert.match(
    line,
    /^ERROR cannot write to the log of a service.* path=\S+ why=EISDIR.* remedy=it is a folder: remove it$/,
  );
});

test('a log that takes nothing (a FIFO nobody reads): its service waits, others do not, and nothing is lost in the end', async () => {
  await using b = await bench();
  spawnSync('mkfifo', [b.logOf('stuck')]);
  b.outputs.prepare([specOf('stuck'), specOf('free')]);
  const stuck = b.run(specOf('stuck'), 'exec seq 1 100000');
  await waitFor('the FIFO to be full', () => b.counted.written >= 30_000);
  const before = process.memoryUsage.rss();
  for (let round = 1; round <= 5; round++) {
    const began = performance.now();
    await b.finish(specOf('free'), 'echo free');
    await waitFor('the free one', () => b.read('free').length === 5 * round);
    assert.ok(performance.now() - began < 500);
  }
  assert.equal(stuck.exitCode, null);
  assert.ok(process.memoryUsage.rss() - before < 10e6);

  const reader = spawn('head', ['-c', '588895', b.logOf('stuck')], { stdio: ['ignore', 'pipe', 'ignore'] });
  const chunks: Buffer[] = [];
  reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(reader, 'close');
  const expected = Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join('');
  assert.equal(Buffer.concat(chunks).toString('latin1'), expected);
});

test('a stuck log delays the end of opsd by two seconds at most', async () => {
  await using b = await bench();
  spawnSync('mkfifo', [b.logOf('stuck')]);
  const reader = openSync(b.logOf('stuck'), 'r+');
  b.outputs.prepare([specOf('stuck')]);
  b.run(specOf('stuck'), 'exec seq 1 100000');
  await waitFor('the FIFO to be full', () => b.counted.written >= 30_000);
  const began = performance.now();
  await b.outputs[Symbol.asyncDispose]();
  assert.ok(performance.now() - began < 3_000);
  assert.ok(readSync(reader, Buffer.alloc(10)) > 0);
  closeSync(reader);
});

/** A kernel whose disk takes 25 ms for whatever it is given. */
function slowKernel(): Kernel {
  const kernel = loadKernel();
  assert.ok(kernel);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  return {
    ...kernel,
    splice(...to) {
      Atomics.wait(clock, 0, 0, 25);
      return kernel.splice(...to);
    },
  };
}

for (const stamps of [false, true]) {
  test(`a slow disk: written in the background, in order, across a rotation and to the last line (${stamps ? 'stamped' : 'plain'})`, async () => {
    await using b = await bench({ kernel: slowKernel() });
    const spec = specOf('web', 'capture', stamps);
    b.outputs.prepare([spec]);
    const child = b.run(spec, 'seq 1 100000; printf end');
    const exited = once(child, 'exit');
    await waitFor('some output', () => b.counted.written > 200_000);
    renameSync(b.logOf('web'), `${b.logOf('web')}.1`);
    b.outputs.reopenAll();
    await exited;
    b.outputs.endOfGeneration('web');
    const whole = await waitFor('the end', () => {
      const text = readFileSync(`${b.logOf('web')}.1`, 'latin1') + b.read('web');
      return text.endsWith('end\n') && text;
    });
    const lines = stamps ? whole.replaceAll(/^\w{3} \d\d [\d:.]{12} /gm, '') : whole;
    assert.equal(lines, `${Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join('')}end\n`);
  });
}
