// What ctl does on a terminal that it does not do into a pipe: colours, a line of progress, harmless output.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { sanitised } from '../../src/text/harmless.ts';
import { service, UP } from '../http/fake-control.ts';
import { type Daemon, fakeDaemon } from './daemon.ts';

const skip = existsSync('/usr/bin/script') ? false : 'script (util-linux) is not installed';
const MAIN = join(import.meta.dirname, '../../src/main.ts');

/** Runs ctl on a pseudo-terminal of 80 columns; what it wrote to both streams. */
async function onTerminal(daemon: Daemon, args: string, env: Record<string, string> = {}): Promise<string> {
  const command = `stty cols 80; exec ${process.execPath} ${MAIN} ctl ${args}`;
  const { stdout } = await promisify(execFile)('/usr/bin/script', ['-qec', command, '/dev/null'], {
    env: { PATH: process.env.PATH, PREFIX: daemon.prefix, TERM: 'xterm', ...env },
    timeout: 20_000,
  }).catch((error: { stdout: string }) => error);
  return stdout.replaceAll('\r\n', '\n');
}

test('colours are for a terminal, and not where NO_COLOR is set or it cannot show them', { skip }, async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  assert.ok((await onTerminal(daemon, 'status')).includes('\u001b[32mrunning\u001b[39m'));
  assert.ok(!(await onTerminal(daemon, 'status', { NO_COLOR: '1' })).includes('\u001b'));
  assert.ok(!(await onTerminal(daemon, 'status', { TERM: 'dumb' })).includes('\u001b'));
});

test('the table fits the terminal', { skip }, async () => {
  await using daemon = await fakeDaemon([service('web', { reason: 'a long story '.repeat(20) })]);
  for (const line of (await onTerminal(daemon, 'status', { NO_COLOR: '1' })).split('\n'))
    assert.ok(line.length <= 80, line);
});

test('a long wait shows what it waits for, and leaves nothing of it behind', { skip }, async () => {
  await using daemon = await fakeDaemon([service('web', UP), service('db', UP)]);
  daemon.control.gate = new Promise(() => {});
  const said = (await onTerminal(daemon, 'stop all --timeout 2500ms')).replaceAll('\r\u001b[K', '<clear>');
  assert.match(said, /<clear>waiting 1\.\ds for web \(stopping \d\.\ds\), db \(stopping \d\.\ds\)/);
  assert.match(said, /<clear>opsd: timed out after 2\.5s/);
});

test('what a service wrote cannot act on the terminal, and goes into a file as it is', { skip }, async () => {
  await using daemon = await fakeDaemon([service('web', UP)]);
  const evil = 'a\u001b]0;owned\u0007b\u009b2Jc\u202ed\te\u0000';
  const file = join(daemon.prefix, 'web.log');
  writeFileSync(file, `${evil}\n`);
  daemon.control.logFiles.set('web', file);
  assert.equal((await onTerminal(daemon, 'logs web')).trim(), 'a␛]0;owned␇b<009B>2Jc<202E>d\te␀');
  assert.equal((await daemon.ctl('logs', 'web')).out, `${evil}\n`);
});

test('ordinary text of any language passes', () => {
  const text = 'naïve 日本語 עברית 👩‍🚀\tx\n';
  assert.equal(sanitised(text), text);
});
