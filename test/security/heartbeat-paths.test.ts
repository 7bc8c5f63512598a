// A heartbeat file tells of its own service only, and a disk that does not answer holds neither the loop nor the looks of others.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, stat, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../src/core/model/events.ts';
import { BackgroundStat } from '../../src/os/watch/background-stat.ts';
import { HeartbeatFiles } from '../../src/os/watch/heartbeats.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { mallory, needsRoot, victim } from '../support/second-user.ts';
import { waitFor } from '../support/wait.ts';

const NOW = performance.timeOrigin / 1000;

test('a link to somebody else’s file, or to what is no file, is no beat', { skip: needsRoot }, async () => {
  await using folder = await scratch();
  const home = join(folder.path, 'home');
  mkdirSync(home);
  const events: Event[] = [];
  const heartbeats = new HeartbeatFiles(
    (event) => events.push(event),
    () => mallory.uid,
    systemClock,
  );
  const look = async (file: string, change: () => void): Promise<boolean> => {
    heartbeats.begin('web', 1, file);
    const answer = async (): Promise<boolean> => {
      const before = events.length;
      heartbeats.check('web', 1, file);
      const event = await waitFor('the answer', () => events[before]);
      return event.type === 'heartbeat_checked' && event.changed;
    };
    await answer();
    change();
    return await answer();
  };
  const made = (name: string, owner: number, mode = 0o600): string => {
    const path = join(folder.path, name);
    writeFileSync(path, '');
    chmodSync(path, mode);
    chownSync(path, owner, owner);
    return path;
  };
  const linked = (name: string, target: string): string => {
    symlinkSync(target, join(home, name));
    return join(home, name);
  };
  const touch = (path: string) => () => utimesSync(path, NOW + 5, NOW + 5);
  const theirs = made('theirs', victim.uid);
  assert.equal(await look(linked('a', theirs), touch(theirs)), false);
  const roots = made('roots', 0);
  assert.equal(await look(linked('b', roots), touch(roots)), false);
  assert.equal(await look(linked('c', folder.path), touch(folder.path)), false);
  const own = made('own', mallory.uid);
  assert.equal(await look(own, touch(own)), true);
  assert.equal(await look(linked('d', own), () => utimesSync(own, NOW + 9, NOW + 9)), true);
  const writable = made('writable', 0, 0o666);
  assert.equal(await look(writable, touch(writable)), true);
});

test('looks that never end: a few threads, two of a user at most, one of a device, and the others go on', async (t) => {
  await using folder = await scratch();
  const alive = join(folder.path, 'alive');
  writeFileSync(alive, '');
  const hung: string[] = [];
  const look = Object.assign((...args: Parameters<typeof stat>) => {
    const [path] = args;
    if (String(path).startsWith('/dead')) hung.push(String(path));
    else stat(...args);
  }, stat);
  const clock = t.mock.method(process.hrtime, 'bigint');
  const looks = new BackgroundStat(systemClock, look);
  const never = () => assert.fail('it was answered');
  for (let n = 0; n < 100; n++) assert.equal(looks.ask(`/dead/${n}`, 1000, never), true);
  assert.equal(hung.length, 4);
  assert.equal(looks.ask('/dead/0', 1000, never), true);
  assert.equal(hung.length, 4, 'one look at a path at a time');
  // They hang now; who asks for one of them is told so.
  const real = process.hrtime.bigint();
  clock.mock.mockImplementation(() => real + 5_000_000_000n);
  assert.equal(looks.ask('/dead/0', 1000, never), false);
  assert.equal(hung.length, 4);
  // In another world the disk dies under one of a user after the other: two threads are all that he gets.
  const others = new BackgroundStat(systemClock, look);
  clock.mock.mockImplementation(() => real);
  for (const n of [1, 2]) others.ask(`/dead/x${n}`, 1000, never);
  clock.mock.mockImplementation(() => real + 5_000_000_000n);
  for (const n of [3, 4, 5]) others.ask(`/dead/x${n}`, 1000, never);
  assert.equal(hung.length, 6);
  const seen = await new Promise((resolve) => others.ask(alive, 1001, (found) => resolve(found?.isFile())));
  assert.equal(seen, true);
});
