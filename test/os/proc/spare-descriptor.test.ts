// What opsd still sees when its descriptors are used up, in a process of its own that has few of them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { isOutOfDescriptors, withSpare } from '../../../src/os/procfs/spare-descriptor.ts';

const os = resolve(import.meta.dirname, '../../../src/os/proc');

/** Runs a script in which `takeAll()` leaves no descriptor; gives what it printed as JSON. */
function run(script: string): unknown {
  const source = `
    import { openSync } from 'node:fs';
    import { listProcesses, readStat } from '${os}/identity.ts';
    const takeAll = () => { try { for (;;) openSync('/dev/null'); } catch (error) { return error.code; } };
    ${script}`;
  const { stdout, stderr } = spawnSync('prlimit', [
    '--nofile=40:40',
    process.execPath,
    '--input-type=module-typescript',
    '-e',
    source,
  ]);
  assert.equal(stderr.toString(), '');
  return JSON.parse(stdout.toString());
}

test('without any descriptor left, processes are listed and read, again and again (35)', () => {
  const result = run(`
    const why = takeAll();
    const look = () => [listProcesses()?.includes(process.pid), readStat(process.pid).pid === process.pid];
    console.log(JSON.stringify([why, look(), look(), takeAll(), look()]));
  `);
  assert.deepEqual(result, ['EMFILE', [true, true], [true, true], 'EMFILE', [true, true]]);
});

test('a spare that somebody else snatched is replaced as soon as there is a descriptor again', () => {
  const result = run(`
    import { closeSync } from 'node:fs';
    import { withSpare } from '${os}fs/spare-descriptor.ts';
    takeAll();
    let mine = -1;
    withSpare(() => { mine = openSync('/dev/null'); });
    const blind = readStat(process.pid);
    closeSync(mine);
    const sees = typeof readStat(process.pid);
    console.log(JSON.stringify([blind, sees, takeAll(), typeof readStat(process.pid)]));
  `);
  assert.deepEqual(result, ['exhausted', 'object', 'EMFILE', 'object']);
});

test('what fails for another reason is neither tried again nor hidden', () => {
  let tries = 0;
  const fail = () => {
    tries += 1;
    throw new Error('no');
  };
  assert.throws(() => withSpare(fail), { message: 'no' });
  assert.equal(tries, 1);
  assert.equal(isOutOfDescriptors(new Error('no')), false);
});
