// Log files that are renamed or removed under the writer: no line is lost, doubled or torn.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { acquireLock } from '../../../src/os/files/lock.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { waitFor } from '../../support/wait.ts';
import { bench, specOf } from './outputs.ts';

const LINES = 300_000;

for (const [how, options] of [
  ['by the kernel', {}],
  ['by read and write', { kernel: null }],
] as const) {
  test(`renamed ten times in the middle of a flood: each line in one file, whole, in order (${how})`, async () => {
    await using b = await bench(options);
    b.outputs.prepare([specOf('web')]);
    const child = b.run(specOf('web'), `exec seq -f 'line %.0f with some more text in it' 1 ${LINES}`);
    const exited = once(child, 'exit');
    for (let round = 10; round >= 1; round--) {
      const size = b.counted.written;
      await waitFor('more output', () => b.counted.written > size + 100_000 || child.exitCode !== null);
      renameSync(b.logOf('web'), `${b.logOf('web')}.${round}`);
      b.outputs.reopenAll();
    }
    await exited;
    b.outputs.endOfGeneration('web');
    const names = [...Array.from({ length: 10 }, (_, index) => `web.log.${10 - index}`), 'web.log'];
    assert.deepEqual(readdirSync(join(b.path, 'log')).sort(), [...names].sort());
    let expected = 1;
    for (const name of names) {
      const text = readFileSync(join(b.path, 'log', name), 'latin1');
      if (text === '') continue;
      assert.ok(text.endsWith('\n'), `${name} ends in the middle of a line`);
      for (const line of text.slice(0, -1).split('\n')) {
        if (line !== `line ${expected} with some more text in it`) assert.fail(`${name}: line ${expected} is ${line}`);
        expected++;
      }
    }
    assert.equal(expected, LINES + 1);
  });
}

test('moved or removed without a signal: after a second or an idle while, lines go to a new file', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'echo one');
  await waitFor('one', () => b.read('web') === 'one\n');
  renameSync(b.logOf('web'), `${b.logOf('web')}.old`);
  const ticking = b.run(specOf('web'), 'while :; do echo tick; sleep 0.05; done');
  await waitFor('a new file', () => b.read('web').startsWith('tick\n'));
  rmSync(b.logOf('web'));
  await waitFor('another new file', () => b.read('web').startsWith('tick\n'));
  assert.match(readFileSync(`${b.logOf('web')}.old`, 'latin1'), /^one\n(tick\n)*$/);
  assert.equal(ticking.exitCode, null);
});

test('a file that was truncated in place (copytruncate) is written on from its new end, without a hole', async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  await b.finish(specOf('web'), 'seq 1 1000');
  await waitFor('the lines', () => b.read('web').endsWith('1000\n'));
  writeFileSync(b.logOf('web'), '');
  await b.finish(specOf('web'), 'echo after');
  await waitFor('the next line', () => b.read('web') === 'after\n');
});

const logrotate = ['/usr/sbin/logrotate', '/sbin/logrotate'].find((path) => existsSync(path));

test('cfg/logrotate.conf rotates with the real logrotate', {
  skip: logrotate ? false : 'logrotate is not installed',
}, async () => {
  await using b = await bench();
  b.outputs.prepare([specOf('web')]);
  const reopened = (): void => b.outputs.reopenAll();
  process.on('SIGUSR1', reopened);
  try {
    await b.finish(specOf('web'), 'echo before');
    await waitFor('before', () => b.read('web') === 'before\n');
    await using _lock = await acquireLock(join(b.path, 'run'), systemClock);
    const shipped = readFileSync(join(import.meta.dirname, '../../../cfg/logrotate.conf'), 'utf8');
    const adapted = shipped
      .replaceAll('/srv/opsd/log', join(b.path, 'log'))
      .replaceAll('/srv/run', join(b.path, 'run'));
    assert.notEqual(adapted, shipped);
    const conf = join(b.path, 'logrotate.conf');
    writeFileSync(conf, adapted, { mode: 0o644 });
    for (const [round, line] of ['first', 'second'].entries()) {
      const { status, stderr } = spawnSync(logrotate ?? '', ['--force', '--state', join(b.path, 'state'), conf], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      await waitFor('the new file', () => existsSync(b.logOf('web')));
      await b.finish(specOf('web'), `echo ${line}`);
      await waitFor(`the ${line} line`, () => b.read('web') === `${line}\n`);
      assert.equal(readFileSync(`${b.logOf('web')}.1`, 'latin1'), round === 0 ? 'before\n' : 'first\n');
    }
  } finally {
    process.off('SIGUSR1', reopened);
  }
});
