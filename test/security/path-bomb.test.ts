// A PATH that a service's user wrote, with links that he made, costs opsd's loop next to nothing.

import assert from 'node:assert/strict';
import { lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { preflight } from '../../src/os/spawn/preflight.ts';
import { scratch } from '../support/scratch.ts';
import { mallory, needsRoot } from '../support/second-user.ts';

/** Milliseconds of CPU time: what the search takes of the loop, whatever else the machine does. Followed links took seconds. */
const MOST_CPU = 200;
/** The kernel follows 40 links. */
const LINKS = 39;

/** A folder of mallory whose link `l0` costs the kernel milliseconds. */
async function bomb() {
  const folder = await scratch();
  const own = (path: string) => lchownSync(path, mallory.uid, mallory.gid);
  own(folder.path);
  mkdirSync(join(folder.path, 'd'));
  own(join(folder.path, 'd'));
  for (let index = 0; index < LINKS; index++) {
    const link = join(folder.path, `l${index}`);
    symlinkSync(`${'d/../'.repeat(800)}${index === LINKS - 1 ? 'd' : `l${index + 1}`}`, link);
    own(link);
  }
  return folder;
}

function measured(command: string, cwd: string, PATH: string, isLate = () => false) {
  const before = process.threadCpuUsage();
  const problem = preflight({ command: [command], cwd, environment: { PATH }, isLate });
  const { user, system } = process.threadCpuUsage(before);
  return { problem, cpu: (user + system) / 1_000 };
}

const times = (count: number, folder: string) => Array.from({ length: count }, () => folder).join(':');

for (const count of [60, 500, 2_000]) {
  test(`${count} folders behind links of a stranger`, { skip: needsRoot }, async () => {
    await using folder = await bomb();
    writeFileSync(join(folder.path, 'script'), '#!/usr/bin/env program\n', { mode: 0o755 });
    for (const entry of ['l0', join(folder.path, 'l0'), 'd/../l0']) {
      for (const command of ['program', './script']) {
        const { problem, cpu } = measured(command, folder.path, times(count, entry));
        assert.ok(cpu < MOST_CPU, `${command} in ${entry}: ${cpu} ms`);
        // What the user's own child finds there counts.
        assert.equal(problem, null);
      }
    }
  });
}

test('folders with thousands of names are not walked', { skip: needsRoot }, async () => {
  await using folder = await bomb();
  const { problem, cpu } = measured('program', folder.path, times(30, `${folder.path}/${'d/../'.repeat(700)}d`));
  assert.ok(cpu < MOST_CPU, `${cpu} ms`);
  assert.equal(problem, null);
});

test('the interpreter of a script is not looked for through links of a stranger', { skip: needsRoot }, async () => {
  await using folder = await bomb();
  writeFileSync(join(folder.path, 'script'), '#!l0/gone\n', { mode: 0o755 });
  assert.equal(measured('./script', folder.path, '/bin').problem, null);
});

test('of a long PATH the first 64 folders are searched, and the message says so', () => {
  const long = (count: number) => `${times(count, '/nowhere')}:/bin`;
  assert.equal(measured('sh', '/', long(63)).problem, null);
  assert.match(
    measured('sh', '/', long(64)).problem ?? '',
    /^command sh is in none of the first 64 folders of PATH, the rest is not searched: shorten PATH/,
  );
});

test('what is left when the time is over is for the child with the rights of the service', () => {
  assert.equal(measured('opsd-nothing', '/', times(17, '/nowhere'), () => true).problem, null);
  // A usual PATH is searched whole on a slow machine, too.
  assert.match(measured('opsd-nothing', '/', times(16, '/nowhere'), () => true).problem ?? '', /not in PATH/);
});
