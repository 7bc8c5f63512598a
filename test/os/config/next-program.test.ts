// The program that is started next is asked before a handover: a new version, one that is half copied, one of a stranger.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { whyNextRefuses } from '../../../src/os/config/next-program.ts';
import { scratch } from '../../support/scratch.ts';

const RECENTLY = Date.now();
const LATER = RECENTLY + 1e9;

/** Versions below PREFIX, as `make install` puts them: `old` runs, `current` is a link to `to`. */
async function installed(to: string, main: string) {
  const folder = await scratch();
  const lib = join(folder.path, 'opsd/lib');
  for (const [version, text] of [
    ['old', ''],
    ['new', main],
  ] as const) {
    mkdirSync(join(lib, version, 'dist'), { recursive: true });
    mkdirSync(join(lib, version, 'bin'));
    writeFileSync(join(lib, version, 'dist/main.js'), text);
    symlinkSync(process.execPath, join(lib, version, 'bin/node'));
  }
  symlinkSync(to, join(lib, 'current'));
  const question = { program: join(lib, 'old/dist/main.js'), prefix: folder.path, configFile: 'cfg/config.toml' };
  return { lib, question, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test('a new version that finds nothing wrong may start; it is asked about this file, and not about what the host lacks', async () => {
  const main = `if (process.argv.slice(2).join(' ') !== 'check --host warn --config cfg/config.toml') process.exit(9);`;
  await using it = await installed('new', main);
  assert.deepEqual(await whyNextRefuses({ ...it.question, startedAt: LATER }), []);
});

test('a new version that refuses the files, or is half copied, says so', async () => {
  await using refusing = await installed('new', `console.error('opsd: cannot load it'); process.exit(1);`);
  const [why, ...lines] = await whyNextRefuses({ ...refusing.question, startedAt: LATER });
  assert.match(why ?? '', /current\/dist\/main\.js check ended with 1$/);
  assert.deepEqual(lines, ['opsd: cannot load it']);
  await using half = await installed('new', 'const half = {');
  assert.match(
    (await whyNextRefuses({ ...half.question, startedAt: LATER })).join('\n'),
    /ended with 1\n.*SyntaxError/s,
  );
});

test('the version that runs is not asked, unless it was changed since', async () => {
  await using it = await installed('old', 'process.exit(1)');
  assert.deepEqual(await whyNextRefuses({ ...it.question, startedAt: LATER }), []);
  const program = join(it.lib, '../main.js');
  writeFileSync(program, 'process.exit(3)');
  const elsewhere = { ...it.question, program, prefix: '/nowhere' };
  assert.deepEqual(await whyNextRefuses({ ...elsewhere, startedAt: LATER }), []);
  assert.match((await whyNextRefuses({ ...elsewhere, startedAt: 0 })).join(), /ended with 3/);
});

test('what somebody else could have put there is not run', async () => {
  await using it = await installed('new', 'process.exit(1)');
  chmodSync(join(it.lib, 'new/dist'), 0o777);
  assert.deepEqual(await whyNextRefuses({ ...it.question, startedAt: LATER }), []);
});
