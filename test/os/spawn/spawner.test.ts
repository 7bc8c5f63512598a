// Both ways to start a process keep the same promises: posix_spawn(3) through node:ffi, and execa where there is none.

import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ExecaSpawner } from '../../../src/os/spawn/execa-spawner.ts';
import { loadPosixSpawner } from '../../../src/os/spawn/posix-spawner.ts';
import type { ChildSpec, SpawnError, Spawner } from '../../../src/os/spawn/spawner.ts';
import { scratch } from '../../support/scratch.ts';
import { signalSet } from '../../support/signal-sets.ts';
import { waitFor } from '../../support/wait.ts';

function posixSpawner(): Spawner {
  const spawner = loadPosixSpawner();
  assert.ok(spawner !== null, 'the Node of the tests has node:ffi');
  return spawner;
}

const O_CLOEXEC = 0o2000000;
const PATH = '/usr/bin:/bin';

interface Ended {
  readonly pid: number | null;
  readonly code: number | null;
  readonly signal: string | null;
  readonly error: SpawnError | null;
  readonly output: string;
}

for (const [way, open] of [
  ['posix_spawn', posixSpawner],
  ['execa', () => new ExecaSpawner()],
] as const) {
  describe(`a process started through ${way}`, () => {
    async function run(spec: Partial<ChildSpec>, whileAlive?: (pid: number) => void): Promise<Ended> {
      using spawner = open();
      await using folder = await scratch();
      const file = join(folder.path, 'out');
      const out = openSync(file, 'a');
      let end: Omit<Ended, 'pid' | 'output'> | null = null;
      const child = spawner.spawn(
        {
          command: ['true'],
          cwd: '/',
          environment: { PATH },
          stdin: 'ignore',
          stdout: out,
          stderr: out,
          descriptors: [],
          ...spec,
        },
        {
          onError(error) {
            end = { code: null, signal: null, error };
          },
          onExit(code, signal) {
            end = { code, signal, error: null };
          },
        },
      );
      closeSync(out);
      assert.equal(end, null, 'nothing is told within the call');
      const pid = child?.pid ?? null;
      if (pid !== null) whileAlive?.(pid);
      const { code, signal, error } = await waitFor('its end', () => end);
      return { pid, code, signal, error, output: await readFile(file, 'utf8') };
    }

    test('has the arguments, the environment and the working directory it was given, and no other', async () => {
      const { output, code } = await run({
        command: ['sh', '-c', 'printf "%s|" "$0" "$@"; pwd; env', 'zero', '', 'two words', 'ünï'],
        cwd: '/usr',
        environment: { PATH, GREETING: 'grüß = gott\n!' },
      });
      assert.equal(code, 0);
      const [first, ...rest] = output.split('\n');
      assert.equal(first, 'zero||two words|ünï|/usr');
      assert.deepEqual(rest.filter((line) => !/^(PWD|OLDPWD|_|SHLVL)=/.test(line)).sort(), [
        '',
        '!',
        'GREETING=grüß = gott',
        `PATH=${PATH}`,
      ]);
    });

    test('leads a session and a process group of its own', async () => {
      const { pid, output } = await run({ command: ['cat', '/proc/self/stat'] });
      const [, , parent, group, session] = output.slice(output.lastIndexOf(')') + 1).split(' ');
      assert.deepEqual({ parent, group, session }, { parent: `${process.pid}`, group: `${pid}`, session: `${pid}` });
    });

    test('has no signal blocked and none ignored, though opsd ignores SIGPIPE', async () => {
      const own = await readFile('/proc/self/status', 'utf8');
      assert.notEqual((signalSet(own, 'SigIgn') ?? 0n) & (1n << 12n), 0n, 'the test is worth something');
      const { output } = await run({ command: ['cat', '/proc/self/status'] });
      assert.equal(signalSet(output, 'SigBlk'), 0n);
      assert.equal(signalSet(output, 'SigIgn'), 0n);
    });

    test('gets its descriptors in their places, whatever numbers they have here, and no others', async () => {
      await using folder = await scratch();
      const files = ['a', 'b', 'c', 'd'].map((name) => {
        writeFileSync(join(folder.path, name), name);
        return openSync(join(folder.path, name), 'r');
      });
      const [a = -1, b = -1, c = -1, d = -1] = files;
      const { output } = await run({
        command: ['sh', '-c', 'cat <&3; cat <&4; cat <&5; cat <&6; echo; ls /proc/$$/fd; readlink /proc/$$/fd/0'],
        descriptors: [d, c, b, a],
      });
      for (const file of files) closeSync(file);
      const [text, ...fds] = output.trim().split('\n');
      assert.equal(text, 'dcba');
      const own = fds.filter((fd) => !inherited.includes(fd));
      assert.deepEqual(own, ['0', '1', '2', '3', '4', '5', '6', '/dev/null']);
    });

    test('writes nowhere where its output is ignored', async () => {
      const { output, code } = await run({ command: ['echo', 'lost'], stdout: 'ignore', stderr: 'ignore' });
      assert.deepEqual({ output, code }, { output: '', code: 0 });
    });

    test('ends with the code or by the signal that is told, each to the one it belongs to', async () => {
      assert.equal((await run({ command: ['sh', '-c', 'exit 217'] })).code, 217);
      for (const signal of ['SIGKILL', 'SIGTERM', 'SIGABRT', 'SIGPIPE'] as const) {
        const ended = await run({ command: ['sleep', '1000'] }, (pid) => process.kill(pid, signal));
        assert.deepEqual({ code: ended.code, signal: ended.signal }, { code: null, signal });
      }
      using spawner = open();
      const codes = new Map<number, number | null>();
      for (let code = 0; code < 20; code++)
        spawner.spawn(
          { command: ['sh', '-c', `exit ${code}`], cwd: '/', environment: { PATH }, ...SILENT },
          { onError: assert.ifError, onExit: (got) => void codes.set(code, got) },
        );
      await waitFor('all ends', () => codes.size === 20);
      for (const [code, got] of codes) assert.equal(got, code);
    });

    test('is a script for the shell when its file names no interpreter', async () => {
      await using folder = await scratch();
      const file = join(folder.path, 'plain');
      await writeFile(file, 'echo "plain $1"; exit 3\n', { mode: 0o755 });
      const { code, output } = await run({ command: [file, 'one'] });
      assert.deepEqual({ code, output }, { code: 3, output: 'plain one\n' });
    });

    test('is looked for in the PATH and below the working directory of the service, not of opsd', async () => {
      await using folder = await scratch();
      await mkdir(join(folder.path, 'bin'));
      await writeFile(join(folder.path, 'bin/own-tool'), '#!/bin/sh\necho found\n', { mode: 0o755 });
      const inPath = await run({ command: ['own-tool'], environment: { PATH: join(folder.path, 'bin') } });
      const relative = await run({ command: ['bin/own-tool'], cwd: folder.path });
      assert.deepEqual([inPath.output, relative.output], ['found\n', 'found\n']);
    });

    test('that cannot start says why, by the name of the errno', async () => {
      await using folder = await scratch();
      const closed = join(folder.path, 'closed');
      await writeFile(closed, '#!/bin/sh\n', { mode: 0o644 });
      const codeOfStart = async (spec: Partial<ChildSpec>) => {
        const { pid, error } = await run(spec);
        assert.equal(pid, null);
        return error?.code;
      };
      assert.equal(await codeOfStart({ command: ['/no/such/program'] }), 'ENOENT');
      assert.equal(await codeOfStart({ command: ['no-such-program'] }), 'ENOENT');
      assert.equal(await codeOfStart({ command: [closed] }), 'EACCES');
      assert.equal(await codeOfStart({ command: ['true', 'x'.repeat(200_000)] }), 'E2BIG');
    });

    test('may be given as many words as the kernel allows', async () => {
      const words = Array.from({ length: 30_000 }, (_, index) => `word-${index}`);
      const { output } = await run({ command: ['sh', '-c', 'shift 29998; echo $# $1', 'sh', ...words] });
      assert.equal(output, '2 word-29998\n');
    });

    test('lives on when the spawner is disposed, of which nothing is told any more', async () => {
      const spawner = open();
      let told = 0;
      const callbacks = { onError: () => void told++, onExit: () => void told++ };
      const spec = { command: ['sleep', '1000'], cwd: '/', environment: { PATH }, ...SILENT } as const;
      const pid = spawner.spawn(spec, callbacks)?.pid;
      assert.ok(pid !== undefined);
      spawner[Symbol.dispose]();
      assert.ok(process.kill(pid, 0));
      process.kill(pid, 'SIGKILL');
      await waitFor('its end', async () =>
        (await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ')).includes(' Z '),
      );
      assert.equal(told, 0);
    });
  });
}

/** What the runner of the tests left open for every program; opsd itself closes such at its start. */
const inherited = readdirSync('/proc/self/fd').filter((fd) => {
  const [, flags = ''] = /^flags:\s*(\d+)/m.exec(textOf(`/proc/self/fdinfo/${fd}`)) ?? [];
  return Number(fd) > 2 && flags !== '' && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
});

const SILENT = { stdin: 'ignore', stdout: 'ignore', stderr: 'ignore', descriptors: [] } as const;

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
