// FIFOs that are not what they should be are refused: nothing is followed, nothing given away.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { waitFor } from '../../support/wait.ts';
import { type Bench, bench, specOf } from './outputs.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'giving files to others takes root';
const NOBODY = 65_534;

interface Trick {
  readonly what: string;
  readonly says: RegExp;
  readonly root?: true;
  play(b: Bench, path: string): void;
}

const TRICKS: readonly Trick[] = [
  {
    what: 'a symlink to a FIFO elsewhere',
    says: /symlink/,
    play(b, path) {
      spawnSync('mkfifo', [join(b.path, 'victim')]);
      symlinkSync(join(b.path, 'victim'), path);
    },
  },
  { what: 'a dangling symlink', says: /symlink/, play: (b, path) => symlinkSync(join(b.path, 'victim'), path) },
  { what: 'a regular file', says: /not a FIFO/, play: (_, path) => writeFileSync(path, 'precious') },
  { what: 'a folder', says: /not a FIFO/, play: (_, path) => mkdirSync(path) },
  {
    what: 'a FIFO of somebody else',
    says: /belongs to uid 65534/,
    root: true,
    play(_, path) {
      spawnSync('mkfifo', ['-m', '600', path]);
      chownSync(path, NOBODY, NOBODY);
    },
  },
  {
    what: 'a FIFO that others may write',
    says: /others/,
    play: (_, path) => void spawnSync('mkfifo', ['-m', '622', path]),
  },
];

for (const { what, says, root, play } of TRICKS) {
  test(`${what} is refused with one line, left as it is, and other services are not touched by it`, {
    skip: root && needsRoot,
  }, async () => {
    await using b = await bench();
    const path = join(b.path, 'run/fifo/web');
    mkdirSync(join(b.path, 'run/fifo'));
    play(b, path);
    const before = lstatSync(path);
    b.outputs.prepare([specOf('web'), specOf('other')]);
    assert.equal(b.log.lines.length, 1, b.log.lines.join('\n'));
    assert.match(b.log.lines[0] ?? '', says);
    assert.throws(() => b.outputs.open(specOf('web')), {
      name: 'RuntimeError',
      message: /remove it and start the service again/,
    });
    const after = lstatSync(path);
    assert.deepEqual(
      [after.ino, after.uid, after.mode, after.size],
      [before.ino, before.uid, before.mode, before.size],
    );
    await b.finish(specOf('other'), 'echo fine');
    await waitFor('the other', () => b.read('other') === 'fine\n');

    rmSync(path, { recursive: true });
    await b.finish(specOf('web'), 'echo back');
    await waitFor('the remedy to help', () => b.read('web') === 'back\n');
  });
}

test('the FIFO belongs to the user of the service, who can open /dev/stdout', { skip: needsRoot }, async () => {
  await using b = await bench({ uidOf: () => NOBODY });
  b.outputs.prepare([specOf('web')]);
  const found = lstatSync(join(b.path, 'run/fifo/web'));
  assert.deepEqual(
    [found.uid, found.mode & 0o777, lstatSync(join(b.path, 'run/fifo')).mode & 0o777],
    [NOBODY, 0o600, 0o700],
  );
  const script = 'exec setpriv --reuid=65534 --clear-groups sh -c "id -u > /dev/stdout; echo x > /dev/stderr"';
  assert.equal(await b.finish(specOf('web'), script), 0);
  await waitFor('both lines', () => b.read('web') === '65534\nx\n');
});

test('direct: the log belongs to the user of the service, who can open /dev/stdout', { skip: needsRoot }, async () => {
  await using b = await bench({ uidOf: () => NOBODY });
  const script = 'exec setpriv --reuid=65534 --clear-groups sh -c "id -u >> /dev/stdout"';
  assert.equal(await b.finish(specOf('web', 'direct'), script), 0);
  assert.equal(b.read('web'), '65534\n');
});

test('a service that gets another user gets another FIFO', { skip: needsRoot }, async () => {
  let uid = 0;
  await using b = await bench({ uidOf: () => uid });
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo as root');
  uid = NOBODY;
  await b.finish(specOf('web'), 'exec setpriv --reuid=65534 --clear-groups sh -c "echo as nobody > /dev/stdout"');
  await waitFor('both lines', () => b.read('web') === 'as root\nas nobody\n');
});

test('a service that is gone from the configuration takes its FIFO along, and its last words are in the log', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web', 'capture', true)]);
  await b.finish(specOf('web', 'capture', true), 'printf bye');
  b.outputs.settings('web', null);
  assert.match(b.read('web'), / bye\n$/);
  assert.deepEqual([readdirSync(join(b.path, 'run/fifo')), readdirSync(join(b.path, 'run/batch'))], [[], []]);
  assert.equal(b.outputs.logFile('web'), null);
});

/** Bytes on the heap and in buffers that are still needed: what is garbage says nothing of a daemon that runs for long. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

test('a thousand FIFOs are made with one process, and cost no memory to speak of', async () => {
  await using b = await bench();
  const bin = join(b.path, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'mkfifo'), `#!/bin/sh\necho >> ${b.path}/calls\nexec /usr/bin/mkfifo "$@"\n`);
  chmodSync(join(bin, 'mkfifo'), 0o755);
  const path = process.env.PATH;
  process.env.PATH = `${bin}:${path}`;
  try {
    const before = memoryInUse();
    b.outputs.prepare(Array.from({ length: 1000 }, (_, index) => specOf(`web${index}`)));
    const cost = memoryInUse() - before;
    assert.ok(cost < 4e6, `${cost} bytes`);
  } finally {
    process.env.PATH = path;
  }
  assert.equal(readFileSync(join(b.path, 'calls'), 'utf8'), '\n');
  assert.equal(readdirSync(join(b.path, 'run/fifo')).length, 1000);
  assert.equal(existsSync(b.logOf('web0')), false);
});
