// scale.json: what was kept comes back, and whatever happens to the file costs a sentence and no more.

import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readScale, scalePath, writeScale } from '../../../src/os/files/scale-file.ts';
import { scratch } from '../../support/scratch.ts';

const needsRoot = process.geteuid?.() === 0 ? false : 'takes root';

async function place() {
  const folder = await scratch();
  const path = scalePath(folder.path);
  mkdirSync(dirname(path), { recursive: true });
  return { path, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

const NOTHING = { counts: new Map(), troubles: [] };

test('what is kept comes back, for nobody else to read, and no draft stays', async () => {
  await using at = await place();
  assert.deepEqual(readScale(at.path), NOTHING);
  writeScale(
    at.path,
    new Map([
      ['web', 6],
      ['api', 1000],
    ]),
  );
  assert.deepEqual(
    [...readScale(at.path).counts],
    [
      ['web', 6],
      ['api', 1000],
    ],
  );
  assert.equal(readFileSync(at.path, 'utf8'), '{"web":6,"api":1000}\n');
  assert.equal(statSync(at.path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(dirname(at.path)), ['scale.json']);
});

test('garbage is told with what to do, and left out', async () => {
  await using at = await place();
  for (const [text, why] of [
    ['', /is not JSON/],
    ['{"web":6', /is not JSON/],
    ['[6]', /is no JSON object/],
    ['null', /is no JSON object/],
    ['\0'.repeat(2 ** 20 + 1), /has more than 1048576 bytes/],
  ] as const) {
    writeFileSync(at.path, text, { mode: 0o600 });
    const { counts, troubles } = readScale(at.path);
    assert.equal(counts.size, 0);
    assert.match(troubles.join(), why);
    assert.match(troubles.join(), /as many as the configuration says; remove the file, or scale anew/);
  }
});

test('of several numbers the good ones count', async () => {
  await using at = await place();
  for (const bad of ['0', '1001', '-1', '1.5', '"4"', 'null', '1e999']) {
    writeFileSync(at.path, `{"web":6,"api":${bad},"db":2}`, { mode: 0o600 });
    const { counts, troubles } = readScale(at.path);
    assert.deepEqual(
      [...counts],
      [
        ['web', 6],
        ['db', 2],
      ],
      bad,
    );
    assert.match(troubles.join(), /has "api": .* in it, expected a number from 1 to 1000/);
  }
});

test('a symlink, a folder, and what others could have written is refused', async () => {
  await using at = await place();
  const other = join(dirname(at.path), 'other.json');
  writeFileSync(other, '{"web":6}', { mode: 0o600 });
  symlinkSync(other, at.path);
  assert.match(readScale(at.path).troubles.join(), /is a symlink/);
  // Written anew it takes the place of the link, and what that led to stays as it is.
  writeScale(at.path, new Map([['web', 2]]));
  assert.equal(readFileSync(other, 'utf8'), '{"web":6}');
  assert.deepEqual([...readScale(at.path).counts], [['web', 2]]);
  chmodSync(at.path, 0o602);
  assert.match(readScale(at.path).troubles.join(), /can be written by others than opsd/);
  assert.match(readScale(dirname(at.path)).troubles.join(), /is not a file/);
});

test('a file of somebody else is refused', { skip: needsRoot }, async () => {
  await using at = await place();
  writeScale(at.path, new Map([['web', 6]]));
  chownSync(at.path, 65534, 65534);
  assert.match(readScale(at.path).troubles.join(), /belongs to uid 65534, and its folder to uid 0/);
  assert.equal(readScale(at.path).counts.size, 0);
});
