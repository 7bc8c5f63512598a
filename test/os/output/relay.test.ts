// Output that goes where opsd's own goes, for a service that could not write there by itself.

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { OwnOutput } from '../../../src/os/output/relay.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { startOpsd } from '../../support/opsd.ts';
import { scratch } from '../../support/scratch.ts';
import { mallory, needsRoot, victim } from '../../support/second-user.ts';

const BODY = 'echo to stdout > /dev/stdout; echo to stderr > /dev/stderr; echo plain; printf "caf\\351\\nno newline"';

test('inherit: a service of another user opens /dev/stdout, and its name is in front of its lines', {
  skip: needsRoot,
}, async () => {
  const service = (name: string, user: string) =>
    `[services.${name}]\ncommand = ["sh", "-c", '${BODY}']\nlog = "inherit"\nrestart = "never"\n${user}`;
  const config =
    service('web', `user = "${mallory.name}"\ncwd = "/"\n`) +
    service('other', `user = "${victim.name}"\ncwd = "/"\n`) +
    // Not /dev/stdout: that is the file of the test, which a shell would truncate.
    service('own', '').replace(BODY, 'echo plain');
  await using opsd = await startOpsd({ config });
  for (const name of ['web', 'other']) {
    const view = await opsd.until(name, 'exited');
    assert.deepEqual(view.exit, { code: 0, signal: null });
    await opsd.logged(new RegExp(`^${name} \\| no newline$`, 'm'));
    const lines = readFileSync(join(opsd.dir, 'opsd.out'), 'latin1').split('\n');
    assert.deepEqual(
      lines.filter((line) => line.startsWith(`${name} | `)),
      ['to stdout', 'to stderr', 'plain', 'caf\xe9', 'no newline'].map((line) => `${name} | ${line}`),
    );
    assert.match((await opsd.ctl('why', name)).stdout, /no newline/);
  }
  await opsd.until('own', 'exited');
  assert.match(readFileSync(join(opsd.dir, 'opsd.out'), 'latin1'), /^plain$/m, 'that of opsd itself has it directly');
});

test('inherit: what was written while no opsd ran is copied by the next one', { skip: needsRoot }, async () => {
  const script = 'trap "echo two" USR1; echo one; while :; do sleep 0.05; done';
  const config = `[services.web]\ncommand = ["sh", "-c", '${script}']\nlog = "inherit"\nuser = "${mallory.name}"\ncwd = "/"\n`;
  await using opsd = await startOpsd({ config });
  await opsd.logged(/^web \| one$/m);
  const { pid } = await opsd.status('web');
  assert.ok(pid);
  await opsd.crash();
  process.kill(pid, 'SIGUSR1');
  await opsd.restart();
  await opsd.logged(/^web \| two$/m);
  assert.equal((await opsd.status('web')).pid, pid);
});

test('a reader that is gone loses lines, and says so', async () => {
  await using folder = await scratch();
  const path = join(folder.path, 'closed');
  const fd = openSync(path, 'w');
  const output = new OwnOutput(fd, systemClock);
  assert.equal(await output.write(Buffer.from('one\n')), true);
  closeSync(fd);
  assert.equal(await output.write(Buffer.from('two\n')), false);
  assert.equal(readFileSync(path, 'utf8'), 'one\n');
});
