// opsd on a terminal: what services of other users get of it.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { mallory, needsRoot } from '../support/second-user.ts';
import { waitFor } from '../support/wait.ts';

const PROGRAM = join(import.meta.dirname, '../support/on-terminal.pl');
const SAY = 'for fd in 0 1 2; do readlink /proc/self/fd/$fd; done; exec sleep 1000';
const CONFIG = `
[services.own]
command = ["sh", "-c", '${SAY}']
log = "inherit"

[services.stranger]
command = ["sh", "-c", '${SAY}']
log = "inherit"
user = "${mallory.name}"
cwd = "/"

[services.captured]
command = ["sh", "-c", 'if (: >/dev/tty) 2>/dev/null; then echo terminal; else echo none; fi; ${SAY}']
user = "${mallory.name}"
cwd = "/"
`;

test('a service of another user is not given the terminal that opsd writes to', { skip: needsRoot }, async () => {
  await using folder = await scratch();
  const shown = join(folder.path, 'shown');
  await using opsd = await startOpsd({ config: CONFIG, through: ['perl', PROGRAM, shown] });
  const { pid } = await opsd.until('stranger', 'running');
  const descriptors = [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  assert.deepEqual(descriptors, ['/dev/null', ...[1, 2].map(() => join(opsd.run, 'fifo/stranger'))]);
  await opsd.until('own', 'running');
  await opsd.until('captured', 'running');
  const text = await waitFor('three lines of output', async () => {
    const found = await opsd.output('captured');
    return found.split('\n').length >= 5 && found;
  });
  assert.match(text, /none/);
  assert.doesNotMatch(text, /terminal|pts/);
});

test('its lines come to the terminal all the same, through opsd and harmless', { skip: needsRoot }, async () => {
  await using folder = await scratch();
  const shown = join(folder.path, 'shown');
  const config = CONFIG.replace(SAY, 'printf "\\033[2Jhidden\\n"; exec sleep 1000').replaceAll(SAY, 'exec sleep 1000');
  const strange = config
    .replace('[services.own]', '[services.first]')
    .replace('log = "inherit"', `log = "inherit"\nuser = "${mallory.name}"\ncwd = "/"`);
  await using opsd = await startOpsd({ config: strange, through: ['perl', PROGRAM, shown] });
  await opsd.until('first', 'running');
  await waitFor('the line', () => existsSync(shown) && readFileSync(shown, 'utf8').includes('first | ␛[2Jhidden'));
});
