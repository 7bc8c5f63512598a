// A beat is a change of the file, however it was made; its times only have to differ.

import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../../src/core/model/events.ts';
import { HeartbeatFiles } from '../../../src/os/watch/heartbeats.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';
import { waitFor } from '../../support/wait.ts';

async function beating() {
  const folder = await scratch();
  const events: Event[] = [];
  const heartbeats = new HeartbeatFiles(
    (event) => events.push(event),
    () => process.geteuid?.() ?? 0,
    systemClock,
  );
  const dir = join(folder.path, 'tmp');
  mkdirSync(dir);
  const file = join(dir, 'web.heartbeat');
  return {
    heartbeats,
    dir,
    file,
    events,
    /** Has it changed since the last look? */
    async look(generation = 1): Promise<boolean> {
      const before = events.length;
      heartbeats.check('web', generation, file);
      const event = await waitFor('the answer to a look', () => events[before]);
      assert.ok(event.type === 'heartbeat_checked' && event.service === 'web' && event.generation === generation);
      return event.changed;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

type Beating = Awaited<ReturnType<typeof beating>>;

const YEAR = 365 * 24 * 3600;
const now = (): number => performance.timeOrigin / 1000;

const BEATS: Readonly<Record<string, (b: Beating) => void>> = {
  touch: ({ file }) => utimesSync(file, now() + 1, now() + 1),
  append: ({ file }) => appendFileSync(file, 'x'),
  truncate: ({ file }) => writeFileSync(file, ''),
  'rename over it': ({ file, dir }) => {
    writeFileSync(join(dir, 'new'), 'beat');
    renameSync(join(dir, 'new'), file);
  },
  'remove and create': ({ file }) => {
    rmSync(file);
    writeFileSync(file, 'beat again');
  },
  'remove the folder and make it anew': ({ file, dir }) => {
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    writeFileSync(file, 'beat again');
  },
  'a time in the future': ({ file }) => utimesSync(file, now() + YEAR, now() + YEAR),
  'a time long ago': ({ file }) => utimesSync(file, 0, 0),
};

for (const [how, beat] of Object.entries(BEATS)) {
  test(`${how}: one beat, once`, async () => {
    await using b = await beating();
    writeFileSync(b.file, 'beat');
    b.heartbeats.begin('web', 1, b.file);
    assert.equal(await b.look(), false);
    beat(b);
    assert.equal(await b.look(), true);
    assert.equal(await b.look(), false);
  });
}

test('what was there before this generation is no beat', async () => {
  await using b = await beating();
  writeFileSync(b.file, 'of the run before');
  b.heartbeats.begin('web', 1, b.file);
  assert.equal(await b.look(), false);
  b.heartbeats.begin('web', 2, b.file);
  assert.equal(await b.look(2), false);
});

test('appearing is a beat, disappearing is none, and no file is no beat', async () => {
  await using b = await beating();
  b.heartbeats.begin('web', 1, b.file);
  assert.equal(await b.look(), false);
  writeFileSync(b.file, '');
  assert.equal(await b.look(), true);
  rmSync(b.file);
  assert.equal(await b.look(), false);
  rmSync(b.dir, { recursive: true });
  assert.equal(await b.look(), false);
});

test('a loop of symlinks, a folder or a file in the place of the folder: no beat and no crash', async () => {
  await using b = await beating();
  b.heartbeats.begin('web', 1, b.file);
  symlinkSync(b.file, b.file);
  assert.equal(await b.look(), false);
  rmSync(b.dir, { recursive: true });
  writeFileSync(b.dir, 'not a folder');
  assert.equal(await b.look(), false);
});

test('the first look of a generation that was not begun, or at another file, only takes the file as it is', async () => {
  await using b = await beating();
  writeFileSync(b.file, 'beat');
  assert.equal(await b.look(7), false);
  appendFileSync(b.file, 'beat');
  assert.equal(await b.look(7), true);
  appendFileSync(b.file, 'beat');
  assert.equal(await b.look(8), false);
  b.heartbeats.check('web', 8, join(b.dir, 'other'));
  assert.equal(await b.look(8), false);
});
