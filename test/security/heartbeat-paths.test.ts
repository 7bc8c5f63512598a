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

/** Paths below /dead hang until `release`; the clock goes where the test says. */
function hangingDisk(ownFiles = '/nowhere') {
  const hung: string[] = [];
  const ends: (() => void)[] = [];
  let now = 0;
  const look = Object.assign((...args: Parameters<typeof stat>) => {
    const [path] = args;
    if (!String(path).startsWith('/dead')) return stat(...args);
    hung.push(String(path));
    ends.push(() => stat(ownFiles, ...(args.slice(1) as [{ bigint: true }, Parameters<typeof stat>[2]])));
  }, stat);
  return {
    hung,
    stats: new BackgroundStat({ now: () => now }, look),
    later: () => {
      now += 5_000;
    },
    release: () => {
      for (const end of ends.splice(0)) end();
    },
  };
}
const never = () => assert.fail('it was answered');
const answered = (stats: BackgroundStat, path: string, uid: number) =>
  waitFor(
    `an answer about ${path}`,
    () => new Promise<boolean>((resolve) => stats.ask(path, uid, (found) => resolve(found !== null))),
  );

test('a user whose paths hang has one thread, however many there are, and others are looked at', async () => {
  await using folder = await scratch();
  const alive = join(folder.path, 'alive');
  writeFileSync(alive, '');
  const disk = hangingDisk(alive);
  for (let n = 0; n < 100; n++)
    assert.equal(
      disk.stats.ask(`/dead/${n}`, 1000, () => undefined),
      'asked',
    );
  assert.deepEqual(disk.hung, ['/dead/0']);
  assert.equal(disk.stats.ask('/dead/0', 1000, never), 'asked');
  assert.equal(disk.hung.length, 1, 'one look at a path at a time');
  assert.ok(await answered(disk.stats, alive, 1001), 'at once');
  disk.later();
  assert.equal(disk.stats.ask('/dead/0', 1000, never), 'hangs');
  assert.equal(disk.stats.ask('/dead/1', 1000, never), 'blocked');
  assert.equal(
    disk.stats.ask(alive, 1000, () => undefined),
    'blocked',
    'another disk, of the same user',
  );
  assert.ok(await answered(disk.stats, alive, 1001), 'a second later');
  assert.equal(disk.hung.length, 1);
  disk.release();
  await waitFor('the next of the same user', () => disk.hung.length > 1);
});

test('seven users whose paths hang leave a thread to the eighth; eight blame nobody for what opsd cannot see', async () => {
  await using folder = await scratch();
  const alive = join(folder.path, 'alive');
  writeFileSync(alive, '');
  const disk = hangingDisk();
  for (let user = 1; user <= 7; user++) for (const n of [1, 2, 3]) disk.stats.ask(`/dead/${user}/${n}`, user, never);
  disk.later();
  assert.equal(disk.hung.length, 7);
  assert.ok(await answered(disk.stats, alive, 1001));
  for (let user = 8; user <= 20; user++) disk.stats.ask(`/dead/${user}`, user, never);
  disk.later();
  assert.equal(disk.hung.length, 8, 'no more threads than these');
  assert.equal(disk.stats.ask(alive, 1001, never), 'blocked');
});

test('a path that hangs is no reason not to look at the disk where it was before', async () => {
  await using folder = await scratch();
  const alive = join(folder.path, 'alive');
  writeFileSync(alive, '');
  const disk = hangingDisk(alive);
  disk.stats.ask('/dead/moved', 1000, () => undefined);
  // Found on the disk of everybody, and then not any more.
  disk.release();
  await waitFor(
    'the answer',
    async () => (await answered(disk.stats, alive, 1001)) && disk.stats.ask('/dead/moved', 1000, never),
  );
  disk.later();
  assert.equal(disk.stats.ask('/dead/moved', 1000, never), 'hangs');
  assert.ok(await answered(disk.stats, alive, 1001));
});

test('opsd’s own user has a second thread, but not for the same disk', async () => {
  await using folder = await scratch();
  const alive = join(folder.path, 'alive');
  writeFileSync(alive, '');
  const disk = hangingDisk(alive);
  const own = process.geteuid?.() ?? 0;
  disk.stats.ask('/dead/a', own, never);
  disk.later();
  assert.ok(await answered(disk.stats, alive, own));
  assert.equal(disk.stats.ask('/dead/b', own, never), 'asked');
  disk.later();
  assert.equal(disk.stats.ask(alive, own, never), 'blocked');
});

test('a service is not to blame for paths of others that hang, and why tells it', { skip: needsRoot }, async () => {
  const disk = hangingDisk();
  const events: Event[] = [];
  const heartbeats = new HeartbeatFiles(
    (event) => events.push(event),
    () => 1000,
    systemClock,
    disk.stats,
  );
  heartbeats.begin('dead', 1, '/dead/a');
  heartbeats.begin('other', 1, '/dead/b');
  disk.later();
  heartbeats.check('dead', 1, '/dead/a');
  heartbeats.check('other', 1, '/dead/b');
  assert.deepEqual(
    events.map((event) => 'service' in event && event.service),
    ['dead'],
  );
  assert.match(heartbeats.whyUnchecked('dead') ?? '', /^the file system of \/dead\/a does not answer/);
  assert.match(heartbeats.whyUnchecked('other') ?? '', /^\/dead\/b cannot be checked until other/);
});
