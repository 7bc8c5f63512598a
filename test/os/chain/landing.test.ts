// What a service finds when the exec chain is over: its environment to the byte, its folder, and nothing of the chain.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Chain } from '../../../src/os/chain/exec-chain.ts';
import { executionOf, MOST_FOR_SHELL } from '../../../src/os/chain/landing.ts';
import { chainTools } from '../../../src/os/chain/tools.ts';
import { openInput } from '../../../src/os/spawn/input.ts';
import { scratch } from '../../support/scratch.ts';

const PATH = '/usr/bin:/bin';
type Variables = Readonly<Record<string, string>>;
const usual: Variables = { OPSD_MARKER: '1:web:/run', PATH };
const bare: Chain = { stages: ['/usr/bin/env'], rights: [], steps: [], last: [], hasSockets: false };
const shells = ['/bin/sh', '/bin/dash', '/bin/bash', '/bin/ksh', '/bin/mksh', '/bin/zsh'].filter((path) =>
  existsSync(path),
);

interface Landed {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

const SECRET = 'only-the-service-knows';

async function land(
  command: readonly [string, ...string[]],
  { environment = usual, cwd = '/', chain = bare, sh = '/bin/sh', perl = chainTools().perl } = {},
): Promise<Landed> {
  await using folder = await scratch();
  const target = { command, cwd, environment: { ...usual, ...environment } };
  const { input, ...execution } = executionOf(target, chain, { ...chainTools(), sh, perl }, { PATH });
  using stdin = openInput(input, folder.path);
  const [file, ...args] = execution.command;
  assert.deepEqual(Object.keys(execution.environment), ['OPSD_MARKER', 'PATH', 'LANG'], 'of opsd, and nobody else');
  assert.equal(execution.cwd, '/');
  assert.equal(args.join(' ').includes(SECRET), false, 'ps(1) shows it');
  const { status, stdout, stderr } = spawnSync(file, args, {
    stdio: [stdin.fd, 'pipe', 'pipe'],
    cwd: execution.cwd,
    env: execution.environment,
    encoding: 'latin1',
    maxBuffer: 1 << 24,
  });
  return { code: status, out: stdout, err: stderr };
}

const environOf = ({ out }: Landed): readonly string[] =>
  Buffer.from(out, 'latin1').toString('utf8').split('\0').slice(0, -1);
const SHOW: readonly [string, ...string[]] = ['cat', '/proc/self/environ'];

const awkward: Variables = {
  SECRET,
  EMPTY: '',
  QUOTES: `it's "so" \`date\` $(date) $HOME \\ \\n ''`,
  LINES: '\none\n\ntwo\r\n\ttabbed\n',
  UTF8: 'grüße 日本 \u{1f600}',
  CONTROL: '\u0001\u001b[31m\u007f',
  EQUALS: '=a=b=',
  EVIL: "'; touch /tmp/never; '",
  LC_ALL: 'no_SUCH.locale',
  LD_PRELOAD: '',
  TERM: 'dumb',
  CDPATH: '/usr',
  HOME: '/nowhere',
};

for (const sh of shells) {
  describe(`through ${sh}`, () => {
    test('the environment to the byte, and nothing else', async () => {
      const landed = await land(SHOW, { environment: awkward, sh });
      assert.deepEqual([landed.code, landed.err], [0, '']);
      const own = environOf(landed).filter((pair) => !/^(_|SHLVL|PWD|OLDPWD)=/.test(pair));
      const wanted = Object.entries({ ...usual, ...awkward }).map((pair) => pair.join('='));
      assert.deepEqual(own.sort(), wanted.sort());
    });

    test('descriptor 0 is /dev/null, to read and to write, and no other is left', async () => {
      const { out } = await land(['sh', '-c', 'readlink /proc/self/fd/0; ls /proc/self/fd; echo >&0'], { sh });
      const [stdin, ...descriptors] = out.trim().split('\n');
      assert.equal(stdin, '/dev/null');
      // Whoever runs the tests may have left one open.
      const direct = spawnSync('sh', ['-c', 'ls /proc/self/fd'], {
        stdio: ['ignore', 'pipe', 'pipe'],
        encoding: 'utf8',
      });
      assert.deepEqual(descriptors, direct.stdout.trim().split('\n'));
    });
  });
}

for (const names of [
  ['a.b'],
  ['BASH_FUNC_x%%'],
  ['1st', 'with space', '-e', '%'],
  ['UID', 'PPID', 'OPTIND', 'LINENO'],
  ['PWD', 'OLDPWD', '_', 'SHLVL', 'IFS'],
]) {
  test(`names that no shell passes on: ${names.join(', ')}`, async () => {
    const environment = { ...awkward, ...Object.fromEntries(names.map((name) => [name, `() { echo ${name}; }`])) };
    const landed = await land(SHOW, { environment });
    assert.deepEqual([landed.code, landed.err], [0, '']);
    assert.deepEqual(
      environOf(landed),
      Object.entries({ ...usual, ...environment }).map((pair) => pair.join('=')),
    );
  });
}

test('a large environment arrives whole, with the marker where it is soon found', async () => {
  for (const size of [MOST_FOR_SHELL, 200_000, 1_000_000]) {
    const environment = Object.fromEntries(Array.from({ length: size / 100 }, (_, n) => [`V${n}`, 'x'.repeat(90)]));
    const landed = await land(SHOW, { environment });
    assert.deepEqual([landed.code, landed.err], [0, '']);
    const pairs = environOf(landed);
    assert.equal(pairs.length, Object.keys(environment).length + 2);
    assert.ok(landed.out.indexOf('OPSD_MARKER=') < MOST_FOR_SHELL);
  }
  const longest = { LONG: 'x'.repeat(131_072 - 'LONG='.length - 1) };
  assert.ok(environOf(await land(SHOW, { environment: longest })).includes(`LONG=${longest.LONG}`));
});

test('without perl(1) a shell passes on what it can', async () => {
  const environment = Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`V${n}`, 'x'.repeat(90)]));
  assert.equal(environOf(await land(SHOW, { environment, perl: null })).length, 2_002);
});

const ways: readonly (readonly [string, Variables])[] = [
  ['a shell', {}],
  ['perl', { 'a.b': 'c' }],
];
for (const [way, environment] of ways) {
  describe(`the landing by ${way}`, () => {
    test('enters the folder, and looks for the command in the PATH of the service', async () => {
      await using folder = await scratch();
      const { path } = folder;
      await mkdir(join(path, "a 'b", 'bin'), { recursive: true });
      await symlink('/bin/pwd', join(path, "a 'b", 'bin', 'where'));
      const cwd = join(path, "a 'b");
      for (const command of [['where'], ['bin/where']] as const) {
        const { out, err } = await land([command[0], '-P'], { cwd, environment: { ...environment, PATH: 'bin' } });
        assert.deepEqual([out, err], [`${cwd}\n`, '']);
      }
    });

    test('arguments arrive as they are', async () => {
      const args = ['-e', '--', '', '*', '$HOME', "'", '\n', 'ä'];
      const { out } = await land(['printf', '%s\\0', ...args], { environment });
      assert.deepEqual(Buffer.from(out, 'latin1').toString().split('\0').slice(0, -1), args);
    });

    test('what it does before, and its own number for sockets', async () => {
      const chain = { ...bare, steps: ['umask 027', 'ulimit -S -n 77'], hasSockets: true };
      const { out } = await land(['sh', '-c', 'umask; ulimit -n; [ $LISTEN_PID = $$ ] && echo its own'], {
        environment,
        chain,
      });
      assert.equal(out, '0027\n77\nits own\n');
    });

    test('few descriptors are enough', async () => {
      const chain = { ...bare, last: ['ulimit -n 5'] };
      assert.equal((await land(['sh', '-c', 'ulimit -n'], { environment, chain })).out, '5\n');
    });

    test('what cannot be: exit codes as of a shell', async () => {
      await using folder = await scratch();
      assert.equal((await land(['true'], { environment, cwd: join(folder.path, 'no') })).code, 126);
      assert.equal((await land([folder.path], { environment })).code, 126);
      assert.equal((await land(['opsd-has-no-such-program'], { environment })).code, 127);
    });
  });
}

test('without node:ffi the text lies in a file that has no name', async () => {
  await using folder = await scratch();
  const script = `
    const { openInput } = await import(${JSON.stringify(join(import.meta.dirname, '../../../src/os/spawn/input.ts'))});
    const { readFileSync, readlinkSync } = await import('node:fs');
    using input = openInput('hello', ${JSON.stringify(folder.path)});
    console.log(readlinkSync('/proc/self/fd/' + input.fd).endsWith('(deleted)'), readFileSync(input.fd, 'utf8'));
  `;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--no-experimental-ffi', '--input-type=module', '-e', script],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(stdout, 'true hello\n', stderr);
  assert.deepEqual(await readdir(folder.path), []);
});

test('with node:ffi it lies in memory, readable from the beginning', () => {
  using input = openInput('hello', '/nowhere');
  assert.equal(typeof input.fd === 'number' && readFileSync(input.fd, 'utf8'), 'hello');
});
