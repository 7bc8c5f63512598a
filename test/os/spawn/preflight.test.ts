// What is wrong with a command is said before it is spawned, by name (edge case 33).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { preflight } from '../../../src/os/spawn/preflight.ts';
import { scratch } from '../../support/scratch.ts';

const PATH = '/usr/bin:/bin';

async function programs(): Promise<
  { path: string; file: (name: string, text: string, mode?: number) => Promise<string> } & AsyncDisposable
> {
  const folder = await scratch();
  return {
    path: folder.path,
    async file(name, text, mode = 0o755) {
      const path = join(folder.path, name);
      await writeFile(path, text);
      await chmod(path, mode);
      return path;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

function check(command: readonly [string, ...string[]], cwd = '/', environment: Record<string, string> = { PATH }) {
  return preflight({ command, cwd, environment, isLate: () => false });
}

test('nothing is wrong with what can run', async () => {
  await using dir = await programs();
  await dir.file('script', '#!/bin/sh\nexit 0\n');
  await dir.file('with-env', '#!/usr/bin/env -S sh -e\n');
  await dir.file('no-shebang', 'exit 0\n');
  await dir.file('empty', '');
  for (const command of ['true', '/bin/true', './script', './with-env', './no-shebang', './empty']) {
    assert.equal(check([command], dir.path), null, command);
  }
});

test('the culprit is named', async () => {
  await using dir = await programs();
  await dir.file('plain', 'exit 0\n', 0o644);
  await dir.file('lost', '#!/usr/bin/pyhton3\n');
  await dir.file('lost-env', '#!/usr/bin/env nodee\n');
  await dir.file('windows', '#!/bin/sh\r\nexit 0\r\n');
  await dir.file('interpreted-by-folder', `#!${dir.path}\n`);
  await mkdir(join(dir.path, 'folder'));
  await symlink('nowhere', join(dir.path, 'dangling'));
  const cases: readonly (readonly [string, RegExp])[] = [
    ['opsd-has-no-such-program', /command opsd-has-no-such-program is not in PATH \(\/usr\/bin:\/bin\)/],
    ['./absent', /absent does not exist/],
    ['./plain', /plain is not executable: chmod \+x/],
    ['./folder', /folder is a directory/],
    ['./dangling', /dangling is a symbolic link that leads nowhere/],
    ['./lost', /interpreter \/usr\/bin\/pyhton3 of script .*lost does not exist/],
    ['./lost-env', /interpreter nodee of script .*lost-env is not in PATH/],
    ['./windows', /windows has a carriage return \(CRLF\)/],
    ['./interpreted-by-folder', /interpreter .* is a directory/],
    ['/dev/null', /\/dev\/null is not a regular file/],
    ['', /the command is empty/],
  ];
  for (const [command, expected] of cases) assert.match(check([command], dir.path) ?? 'no problem', expected, command);
});

test('a program that is only there without the right to run it is told with its path', async () => {
  await using dir = await programs();
  const file = await dir.file('tool', '#!/bin/sh\n', 0o600);
  const problem = check(['tool'], '/', { PATH: `/nowhere:${dir.path}` });
  assert.ok(problem?.includes(`${file} is not executable`), String(problem));
});

test('PATH of the service counts, relative to its working directory', async () => {
  await using dir = await programs();
  await mkdir(join(dir.path, 'bin'));
  await dir.file('bin/tool', '#!/bin/sh\n');
  assert.equal(check(['tool'], dir.path, { PATH: 'bin' }), null);
  assert.notEqual(check(['tool'], '/', { PATH: 'bin' }), null);
});

test('the working directory', async () => {
  await using dir = await programs();
  const file = await dir.file('file', '');
  assert.match(check(['true'], join(dir.path, 'no')) ?? '', /working directory .*no does not exist: create it/);
  assert.match(check(['true'], file) ?? '', /working directory .* is not a directory/);
});

test('what no process can be given', () => {
  assert.match(check(['true', 'a\0b']) ?? '', /argument 1 of the command holds a NUL byte/);
  assert.match(
    check(['true'], '/', { PATH, TOKEN: 'secret\0' }) ?? '',
    /^the environment variable TOKEN holds a NUL byte: remove it$/,
  );
  assert.match(check(['true', 'x'.repeat(131_072)]) ?? '', /argument 1 of the command is longer/);
  assert.match(check(['true', 'ä'.repeat(70_000)]) ?? '', /argument 1 of the command is longer/);
  assert.equal(check(['true', 'x'.repeat(131_071)]), null);
});

test('a program for another machine', async () => {
  await using dir = await programs();
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(8, 18);
  await writeFile(join(dir.path, 'mips'), header, { mode: 0o755 });
  assert.match(check(['./mips'], dir.path) ?? '', /built for another kind of machine/);
});

test('a file system mounted noexec', async (t) => {
  await using dir = await programs();
  const mount = join(dir.path, 'm');
  await mkdir(mount);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'noexec,size=64k', 'tmpfs', mount]).status !== 0) {
    return t.skip('only where the test may mount');
  }
  try {
    await dir.file('m/tool', '#!/bin/sh\n');
    assert.match(check(['m/tool'], dir.path) ?? '', /mounted noexec/);
  } finally {
    spawnSync('umount', [mount]);
  }
});

test('a program without its dynamic loader is there, and still cannot run: the loader is named', async () => {
  await using dir = await programs();
  const real = await readFile('/bin/true');
  const loader = /\/lib[^\0]*\/ld-[^\0]*/.exec(real.toString('latin1'))?.[0];
  assert.ok(loader, 'no dynamic program to begin with');
  const missing = '/no'.padEnd(loader.length, 'x');
  const file = await dir.file('program', '');
  await writeFile(file, Buffer.from(real.toString('latin1').replace(loader, missing), 'latin1'), { mode: 0o755 });
  assert.equal(
    check([file]),
    `the dynamic loader ${missing} of program ${file} does not exist: install the C library that it was built for (glibc or musl), or a program built for this host`,
  );
  // Cut off behind its headers, or with headers that lead nowhere: the kernel decides.
  for (const bytes of [real.subarray(0, 64), Buffer.concat([real.subarray(0, 32), Buffer.alloc(64, 0xff)])]) {
    await writeFile(file, bytes, { mode: 0o755 });
    assert.equal(check([file]), null);
  }
});

test('each path that decides is told, also those that are not there', async () => {
  await using dir = await programs();
  await dir.file('script', '#!/no/interpreter\n');
  const looked: string[] = [];
  const onLook = (path: string) => looked.push(path);
  const around = { cwd: dir.path, environment: { PATH: '/nowhere:/bin' }, isLate: () => false, onLook };
  assert.match(preflight({ command: ['./script'], ...around }) ?? '', /interpreter/);
  assert.deepEqual(looked, [dir.path, join(dir.path, 'script'), '/no/interpreter']);
  looked.length = 0;
  assert.match(preflight({ command: ['opsd-nothing'], ...around }) ?? '', /not in PATH/);
  assert.deepEqual(looked, [dir.path, '/nowhere/opsd-nothing', '/bin/opsd-nothing']);
});

test('a file system mounted noexec is named', { skip: process.geteuid?.() === 0 ? false : 'mounts' }, async () => {
  await using dir = await programs();
  await mkdir(join(dir.path, 'disk'));
  const script = `mount -t tmpfs -o noexec none ${dir.path}/disk && cp /bin/true ${dir.path}/disk && exec "$@"`;
  const code = `import { preflight } from ${JSON.stringify(new URL('../../../src/os/spawn/preflight.ts', import.meta.url).href)};
console.log(preflight({ command: ['${dir.path}/disk/true'], cwd: '/', environment: {}, isLate: () => false }));`;
  const node = [process.execPath, '--input-type=module', '-e', code];
  const { stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script, 'sh', ...node], { encoding: 'utf8' });
  assert.match(stdout, /disk\/true cannot be executed by opsd: it lies on a file system mounted noexec/, stderr);
});
