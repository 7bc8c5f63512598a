// The other ways of output: straight into the file, to syslog and the journal, to where opsd's own goes, to nowhere.

import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
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
  ['syslog', 'logger', '--tag web'],
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
  await waitFor('its end', () => b.log.lines.some((line) => line.includes('it is started again')));
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
