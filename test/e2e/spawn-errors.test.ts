// What cannot be started fails at once, names the culprit, and takes nobody down with it.

import { strict as assert } from 'node:assert';
import { chmod, mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

/** All are fine when the configuration is loaded, and broken before the start: `enabled = false`, then `start`. */
const CASES = [
  { name: 'missing', break: 'rm', names: /missing does not exist/ },
  { name: 'not-executable', break: 'chmod', names: /not-executable.*not executable.*chmod/ },
  { name: 'directory', break: 'mkdir', names: /directory is a directory/ },
  {
    name: 'no-interpreter',
    text: '#!/usr/bin/pyhton3\n',
    names: /\/usr\/bin\/pyhton3.*no-interpreter.*does not exist/,
  },
  { name: 'no-env-interpreter', text: '#!/usr/bin/env pyhton3\n', names: /pyhton3.*no-env-interpreter.*not in PATH/ },
  { name: 'crlf', text: '#!/bin/sh\r\nexit 0\r\n', names: /crlf.*carriage return/ },
  { name: 'dangling', break: 'symlink', names: /dangling.*symbolic link/ },
  { name: 'other-machine', text: foreignBinary(), names: /other-machine.*another kind of machine/ },
  { name: 'no-folder', break: 'cwd', names: /working directory .*\/gone does not exist/ },
] as const;

test('each way not to be startable is told by name', async (t) => {
  const services = CASES.map(
    ({ name }) =>
      `[services.${name}]\ncommand = ["${name === 'no-folder' ? '../' : './'}${name}"]\ncwd = "${name === 'no-folder' ? 'gone' : '.'}"\n`,
  );
  await using opsd = await startOpsd({
    config: `[defaults]\nenabled = false\n${services.join('')}[services.fine]\ncommand = ["sleep", "1000"]\nenabled = true\n`,
    files: {
      ...Object.fromEntries(CASES.map(({ name }) => [name, '#!/bin/sh\nexit 0\n'])),
      'gone/here': '',
    },
  });
  const fine = await opsd.until('fine', 'running');
  for (const one of CASES) {
    await t.test(one.name, async () => {
      const file = join(opsd.dir, one.name);
      if ('text' in one) await opsd.write(one.name, one.text);
      else if (one.break === 'chmod') await chmod(file, 0o644);
      else if (one.break === 'cwd') await rm(join(opsd.dir, 'gone'), { recursive: true });
      else await rm(file);
      if ('break' in one && one.break === 'mkdir') await mkdir(file);
      if ('break' in one && one.break === 'symlink') await symlink('nowhere', file);
      const { status, body } = await opsd.order('start', one.name);
      const view = await opsd.status(one.name);
      assert.equal(view.state, 'failed', `${view.state}: ${view.reason}`);
      assert.match(view.reason, one.names);
      assert.equal(view.pid, null);
      assert.notEqual(view.next_attempt_at, null, 'retry_failed');
      assert.equal(status, 409);
      assert.match(body, one.names);
    });
  }
  assert.equal((await opsd.status('fine')).pid, fine.pid);
});

test('a working directory that appears later is used at the next start', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["sleep", "1000"]\ncwd = "later"\nenabled = false\n',
    files: { 'later/file': '' },
  });
  await rm(join(opsd.dir, 'later'), { recursive: true });
  assert.equal((await opsd.order('start', 'web')).status, 409);
  await mkdir(join(opsd.dir, 'later'));
  assert.equal((await opsd.order('start', 'web')).status, 200);
  assert.equal((await opsd.status('web')).state, 'running');
});

test('a script without a first line of its own is run by the shell, as execvp(3) does', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["bin/plain"]\nrestart = "never"\n',
    files: { 'bin/plain': 'echo plain works\n' },
  });
  await waitFor('its word', async () => (await opsd.output('web')).includes('plain works'));
});

test('a command too long for the kernel fails, and opsd stays', async () => {
  // Each argument is allowed; all together are more than the quarter of the stack limit that the kernel gives.
  const words = Array.from({ length: 20 }, () => JSON.stringify('x'.repeat(120_000)));
  await using opsd = await startOpsd({
    config: `[services.long]\ncommand = ["echo", ${words.join(', ')}]\n[services.fine]\ncommand = ["sleep", "1000"]\n`,
  });
  const view = await opsd.until('long', 'failed');
  assert.match(view.reason, /E2BIG|too long/);
  await opsd.until('fine', 'running');
});

test('a NUL byte or a huge argument is a mistake of the configuration', async () => {
  await using opsd = await startOpsd({ config: '[services.fine]\ncommand = ["sleep", "1000"]\n' });
  const { pid } = await opsd.until('fine', 'running');
  for (const argument of ['a\\u0000b', 'x'.repeat(140_000)]) {
    await opsd.configure(`[services.fine]\ncommand = ["sleep", "${argument}"]\n`);
    const { status, body } = await opsd.reload();
    assert.equal(status, 422);
    assert.match(body, /services\.fine\.command/);
  }
  assert.equal((await opsd.status('fine')).pid, pid);
});

/** An ELF header of a machine that nobody runs this test on (SPARC, e_machine 2). */
function foreignBinary(): string {
  return `\x7fELF\x01\x02\x01${'\0'.repeat(9)}\0\x02\0\x02${'\0'.repeat(64)}`;
}
