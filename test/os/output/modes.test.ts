// The other ways of output: straight into the file, to syslog and the journal, to where opsd's own goes, to nowhere.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { waitFor } from '../../support/wait.ts';
import { type Bench, bench, specOf } from './outputs.ts';

const path = process.env.PATH;
afterEach(() => {
  process.env.PATH = path;
});

test('direct: the service has the file itself, and a new one at its next start after a rotation', async () => {
  await using b = await bench();
  const spec = specOf('web', 'direct');
  b.outputs.prepare([spec]);
  await b.finish(spec, 'echo one; echo two >&2');
  assert.equal(b.read('web'), 'one\ntwo\n');
  assert.equal(statSync(b.logOf('web')).mode & 0o777, 0o640);
  renameSync(b.logOf('web'), `${b.logOf('web')}.1`);
  await b.finish(spec, 'echo three');
  assert.equal(b.read('web'), 'three\n');
  assert.deepEqual(b.outputs.lastLines('web'), ['one', 'two', 'three']);
  assert.equal(existsSync(join(b.path, 'run/fifo/web')), false);
});

test('direct: something else under the name of the file is refused, and the message says what to do', async () => {
  await using b = await bench();
  mkdirSync(join(b.path, 'elsewhere'));
  writeFileSync(join(b.path, 'elsewhere/victim'), 'untouched');
  symlinkSync(join(b.path, 'elsewhere/victim'), b.logOf('web'));
  assert.throws(() => b.outputs.open(specOf('web', 'direct')), {
    name: 'RuntimeError',
    message: /web\.log.*remove it/,
  });
  assert.equal(readFileSync(join(b.path, 'elsewhere/victim'), 'utf8'), 'untouched');
});

test('none and inherit need nothing of ours', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('none', 'none'), specOf('inherit', 'inherit')]);
  const { stdout, stderr } = b.outputs.open(specOf('none', 'none'));
  assert.deepEqual([stdout, stderr], ['ignore', 'ignore']);
  const inherited = b.outputs.open(specOf('inherit', 'inherit'));
  assert.deepEqual([inherited.stdout, inherited.stderr], ['inherit', 'inherit']);
  assert.equal(b.outputs.logFile('none'), null);
  assert.deepEqual(b.outputs.lastLines('none'), []);
});

test('a change from capture to direct and back loses nothing', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo captured');
  await b.finish(specOf('web', 'direct'), 'echo direct');
  await b.finish(specOf('web'), 'echo captured again');
  await waitFor('all lines', () => b.read('web') === 'captured\ndirect\ncaptured again\n');
});

/** Stand-ins for logger and systemd-cat that keep what they were given and told. */
function fakePrograms(b: Bench): void {
  const bin = join(b.path, 'bin');
  mkdirSync(bin);
  for (const name of ['logger', 'systemd-cat']) {
    const script = join(bin, name);
    writeFileSync(script, `#!/bin/sh\necho "$*" >> ${b.path}/${name}.args\nexec cat >> ${b.path}/${name}.out\n`);
    chmodSync(script, 0o755);
  }
  process.env.PATH = `${bin}:${path}`;
}

const text = (b: Bench, name: string): string => {
  const file = join(b.path, name);
  return existsSync(file) ? readFileSync(file, 'latin1') : '';
};

for (const [mode, program, told] of [
  ['syslog', 'logger', '--socket-errors=on --size 64KiB --tag web'],
  ['journal', 'systemd-cat', '--identifier=web --level-prefix=false'],
] as const) {
  test(`${mode}: ${program} gets the lines, under the name of the service, and ends with opsd`, async () => {
    await using b = await bench();
    fakePrograms(b);
    const spec = specOf('web', mode);
    b.outputs.prepare([spec]);
    assert.equal(await b.finish(spec, 'echo one > /dev/stdout; printf two'), 0);
    b.outputs.endOfGeneration('web');
    await b.finish(spec, 'seq 3 50000');
    await b.outputs[Symbol.asyncDispose]();
    const expected = `one\ntwo\n${Array.from({ length: 49_998 }, (_, index) => `${index + 3}\n`).join('')}`;
    assert.equal(text(b, `${program}.out`), expected);
    assert.equal(text(b, `${program}.args`), `${told}\n`);
  });
}

test('syslog: a program that was killed is started again, and the service never noticed', async () => {
  await using b = await bench();
  fakePrograms(b);
  writeFileSync(
    join(b.path, 'bin/logger'),
    `#!/bin/sh\necho $$ >> ${b.path}/logger.pids\nexec cat >> ${b.path}/logger.out\n`,
  );
  const spec = specOf('web', 'syslog');
  b.outputs.prepare([spec]);
  await b.finish(spec, 'echo one');
  await waitFor('the first line', () => text(b, 'logger.out') === 'one\n');
  process.kill(Number(text(b, 'logger.pids')), 'SIGKILL');
  await waitFor('its end', () => b.log.lines.some((line) => line.includes('restarting it')));
  assert.equal(await b.finish(spec, 'echo two'), 0);
  await waitFor('the second line', () => text(b, 'logger.out') === 'one\ntwo\n');
});

test('syslog: without the program, output is dropped and counted, and one line says why', async () => {
  await using b = await bench();
  const spec = specOf('web', 'syslog');
  b.outputs.prepare([spec]);
  process.env.PATH = '/nonexistent';
  const { stdout, close } = b.outputs.open(spec);
  assert.ok(typeof stdout === 'number');
  writeFileSync(stdout, 'first\n');
  await waitFor('the reason', () => b.log.lines.some((line) => line.includes('ENOENT')));
  writeFileSync(stdout, 'second\n');
  close();
  await waitFor('the loss', () => b.counted.dropped === 'first\nsecond\n'.length);
  assert.deepEqual(b.outputs.lastLines('web'), ['first', 'second']);
});

/** A real logger(1), which writes to this socket instead of /dev/log. */
function loggerTo(b: Bench, socket: string): void {
  const bin = join(b.path, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'logger'), `#!/bin/sh\nexec /usr/bin/logger --socket ${socket} "$@"\n`, { mode: 0o755 });
  process.env.PATH = `${bin}:${path}`;
}

/** Takes datagrams, as a syslog daemon does, and writes one line for each into a file. */
async function syslogAt(socket: string, file: string): Promise<AsyncDisposable> {
  const program =
    'use Socket; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, sockaddr_un($ARGV[0])) or die; ' +
    'open(F, ">>", $ARGV[1]); F->autoflush(1); while (defined recv(S, $_, 262144, 0)) { print F "$_\\n" }';
  const child = spawn('perl', ['-MIO::Handle', '-e', program, socket, file], { stdio: 'ignore' });
  await waitFor('the socket', () => existsSync(socket));
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await once(child, 'exit');
      rmSync(socket, { force: true });
    },
  };
}

test('syslog: a line of 3 KiB, and one of 60 KiB, stay one', async () => {
  await using b = await bench();
  const socket = join(b.path, 'dev-log');
  await using _daemon = await syslogAt(socket, join(b.path, 'taken'));
  loggerTo(b, socket);
  const spec = specOf('web', 'syslog');
  b.outputs.prepare([spec]);
  for (const size of [3_072, 1_025, 60_000]) {
    await b.finish(spec, `head -c ${size} /dev/zero | tr '\\0' x; echo`);
    await waitFor(`${size} bytes`, () => new RegExp(`web: x{${size}}\\n`).test(text(b, 'taken')));
  }
});

test('syslog: without a socket to write to, output is counted as dropped, and taken again when there is one', async () => {
  await using b = await bench({ retryEvery: 200 });
  const socket = join(b.path, 'dev-log');
  loggerTo(b, socket);
  const spec = specOf('web', 'syslog');
  b.outputs.prepare([spec]);
  assert.equal(await b.finish(spec, 'for i in 1 2 3 4 5 6 7 8 9; do echo line $i; sleep 0.1; done'), 0);
  b.outputs.endOfGeneration('web');
  await waitFor('the loss', () => b.counted.dropped === 'line 1\n'.length * 9);
  assert.equal(b.counted.written, 0, 'nothing was delivered');
  const told = b.log.lines.filter((line) => line.startsWith('ERROR'));
  assert.equal(told.length, 1, told.join('\n'));
  assert.match(
    told[0] ?? '',
    /does not work; its output is dropped.*program=logger.*dev-log: No such file or directory/,
  );
  await using _daemon = await syslogAt(socket, join(b.path, 'taken'));
  const child = b.run(spec, 'while :; do echo again; sleep 0.1; done');
  await waitFor('a line', () => text(b, 'taken').includes('web: again'));
  await waitFor('the news', () => b.log.lines.some((line) => /the log program of a service works again/.test(line)));
  assert.ok(b.counted.written > 0);
  assert.equal(child.exitCode, null);
});

test('journal: without journald its program is not started again each second', async () => {
  await using b = await bench({ retryEvery: 60_000 });
  const bin = join(b.path, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh\necho $$ >> ${b.path}/starts\necho "Failed to create stream fd: No such file" >&2\nexit 1\n`;
  writeFileSync(join(bin, 'systemd-cat'), script, { mode: 0o755 });
  process.env.PATH = `${bin}:${path}`;
  const spec = specOf('web', 'journal');
  b.outputs.prepare([spec]);
  assert.equal(await b.finish(spec, 'for i in 1 2 3 4 5 6 7 8; do seq 1 20000; sleep 0.2; done'), 0);
  b.outputs.endOfGeneration('web');
  assert.equal(text(b, 'starts').split('\n').length - 1, 1);
  assert.equal(b.counted.written, 0);
  await waitFor('the loss', () => b.counted.dropped === 8 * 108_894);
  assert.equal(b.log.lines.filter((line) => /Failed to create stream fd/.test(line)).length, 1);
});
