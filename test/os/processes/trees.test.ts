// Hunting process trees on a host that does not play along: survivors of SIGKILL, no descriptor left, busy pacing.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { bootId, readStat } from '../../../src/os/proc/identity.ts';
import type { Process } from '../../../src/os/proc/known-process.ts';
import { formatMarker } from '../../../src/os/proc/marker.ts';
import { ProcessTable, type Snapshot } from '../../../src/os/proc/process-table.ts';
import { inOneTurn, type Work } from '../../../src/os/proc/turns.ts';
import { newTree, type Tree } from '../../../src/os/processes/process-tree.ts';
import { Trees } from '../../../src/os/processes/trees.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { Scheduler } from '../../simulation/scheduler.ts';

/** Beyond any PID of a real host, so that no signal of these tests reaches anybody. */
const NOBODY = 4_194_000;
const owner = process.getuid?.() ?? 0;

function imagined(pid: number, fields: Partial<Process> = {}): Process {
  return {
    pid,
    state: 'S',
    parent: 1,
    group: pid,
    session: pid,
    startTime: 5,
    isKernelThread: false,
    marker: null,
    uid: null,
    ...fields,
  };
}

function endedTree(members: readonly Process[] = []): Tree {
  const tree = newTree({
    service: 'web',
    generation: 3,
    uid: owner,
    main: { pid: NOBODY, startTime: 5, bootId: bootId() },
    isMainAlive: true,
    child: null,
    cgroup: null,
    members: new Map(members.map((process) => [process.pid, process])),
  });
  tree.mainAlive = false;
  tree.pidHeldUntil = 50;
  return tree;
}

interface Hunt extends Disposable {
  /** Its time. */
  readonly scheduler: Scheduler;
  readonly trees: Trees;
  readonly log: string[];
  readonly seen: number[];
  /** Looks that failed while something was being killed. */
  unseen: number;
  looks: number;
}

/** `look` gives what /proc shows at each look. */
function hunt(look: (count: number) => Snapshot | null): Hunt {
  const scheduler = new Scheduler();
  // Long since the host was started.
  scheduler.now = 100_000;
  const log: string[] = [];
  const seen: number[] = [];
  const self: Hunt = {
    scheduler,
    trees: new Trees({
      clock: scheduler.clock,
      table: {
        *scan(): Work<Snapshot | null> {
          self.looks += 1;
          yield;
          return look(self.looks);
        },
      },
      cgroups: null,
      log: (line) => log.push(line),
      onScanned(tree) {
        seen.push(tree.members.size);
        if (tree.members.size === 0) self.trees.forget(tree);
      },
      onScanFailed() {
        self.unseen += 1;
      },
    }),
    log,
    seen,
    unseen: 0,
    looks: 0,
    [Symbol.dispose]: () => self.trees[Symbol.dispose](),
  };
  return self;
}

const empty: Snapshot = { processes: [], unsettled: false };

test('what survives SIGKILL for 5 s is told once, with PID and state (edge case 14)', async () => {
  const stuck = imagined(NOBODY + 1, { state: 'D', session: NOBODY, group: NOBODY });
  using h = hunt((count) => (count < 8 ? { processes: [stuck], unsettled: false } : empty));
  const tree = endedTree();
  tree.killingSince = h.scheduler.now - 5_000;
  h.trees.watch(tree);
  await h.scheduler.until('the end', () => h.seen.at(-1) === 0);
  assert.deepEqual(h.log, [`service web, generation 3: survives SIGKILL: pid ${NOBODY + 1} (state D)`]);
});

test('while opsd has no descriptor to look with, nothing is taken for empty', async () => {
  using h = hunt((count) => (count < 3 ? null : empty));
  h.trees.watch(endedTree());
  await h.scheduler.until('the end', () => h.seen.length > 0);
  assert.deepEqual([h.seen, h.looks, h.log.length], [[0], 3, 1]);
  assert.match(h.log[0] ?? '', /too many open files/);
});

test('of what is being killed it is told each time that it could not be looked at, and not that it survives', async () => {
  using h = hunt((count) => (count < 3 ? null : empty));
  const tree = endedTree([imagined(NOBODY + 1)]);
  tree.killingSince = h.scheduler.now - 5_000;
  h.trees.watch(tree);
  await h.scheduler.until('the end', () => h.seen.length > 0);
  assert.deepEqual([h.unseen, h.seen, h.log.length], [2, [0], 1]);
});

test('nothing found while processes come and go is looked for again', async () => {
  const member = imagined(NOBODY + 1, { session: NOBODY });
  using h = hunt((count) => {
    if (count === 1) return { processes: [], unsettled: true };
    return count === 2 ? { processes: [member], unsettled: false } : empty;
  });
  h.trees.watch(endedTree());
  await h.scheduler.until('both looks', () => h.seen.length === 2);
  assert.deepEqual(h.seen, [1, 0]);
});

test('on a host where they never stop coming and going it comes to an end all the same', async () => {
  using h = hunt(() => ({ processes: [], unsettled: true }));
  const begun = h.scheduler.now;
  h.trees.watch(endedTree());
  await h.scheduler.until('the verdict', () => h.seen.length > 0);
  const took = h.scheduler.now - begun;
  assert.deepEqual(h.seen, [0]);
  assert.ok(took >= 150, `an exec that a loaded host lets wait has time to show whose it is: ${took} ms`);
  assert.ok(took < 400, `its restart does not wait for long: ${took} ms`);
});

test('what comes to light after a doubtful look is no part of the past', async () => {
  const marker = { service: 'web', generation: 3, runDir: '/run' };
  const late = imagined(NOBODY + 1, { marker, uid: owner });
  using h = hunt((count) => (count < 6 ? { processes: [], unsettled: true } : { processes: [late], unsettled: false }));
  h.trees.watch(endedTree());
  await h.scheduler.until('the verdict', () => h.seen.length > 0);
  assert.equal(h.seen[0], 1);
});

test('what is being killed is not taken for ended while others come and go', async () => {
  using h = hunt((count) => (count < 12 ? { processes: [], unsettled: true } : empty));
  const tree = endedTree();
  h.trees.kill(tree);
  await h.scheduler.until('the verdict', () => h.seen.length > 0);
  assert.deepEqual([h.seen, h.looks], [[0], 12]);
});

test('a session of our number counts with somebody in it who was born before the end, or whom we know, and with no other', async () => {
  const ours = imagined(NOBODY + 1, { session: NOBODY });
  const stranger = imagined(NOBODY + 2, { session: NOBODY, startTime: 99 });
  using h = hunt((count) =>
    count === 1 ? { processes: [ours], unsettled: false } : { processes: [stranger], unsettled: false },
  );
  h.trees.watch(endedTree());
  await h.scheduler.until('both looks', () => h.seen.length === 2);
  assert.deepEqual(h.seen, [1, 0]);
});

test('a process that leads a session of our number, but started at another time, is a stranger', async () => {
  using h = hunt(() => ({ processes: [imagined(NOBODY, { startTime: 6 })], unsettled: false }));
  h.trees.watch(endedTree());
  await h.scheduler.until('the look', () => h.seen.length === 1);
  assert.deepEqual(h.seen, [0]);
});

test('what is to be killed is stopped first, lest it forks while others are sought (13)', async () => {
  const runDir = '/nowhere/run';
  const env = { OPSD_MARKER: formatMarker({ service: 'web', generation: 3, runDir }) };
  const escapee = spawn('/bin/sleep', ['60'], { stdio: 'ignore', detached: true, env });
  try {
    const table = new ProcessTable(runDir, { isMain: () => false, isSession: () => false }, systemClock);
    const states: string[] = [];
    using h = hunt((count) => {
      // On a busy host a signal takes its time to be acted on.
      const until = performance.now() + 2_000;
      while (count === 2 && stateOf(escapee.pid) === 'R' && performance.now() < until);
      const snapshot = inOneTurn(table.scan(new Set()));
      states.push(snapshot?.processes.find(({ pid }) => pid === escapee.pid)?.state ?? 'gone');
      return snapshot;
    });
    h.trees.kill(endedTree());
    await h.scheduler.until('the end', () => h.seen.at(-1) === 0);
    assert.notEqual(states[0], 'T');
    assert.deepEqual([states[1], states.at(-1)], ['T', 'gone']);
  } finally {
    escapee.kill('SIGKILL');
  }
});

test('one look serves all who ask in the same turn', async () => {
  using h = hunt(() => empty);
  for (let count = 0; count < 1_000; count += 1) h.trees.watch(endedTree());
  await h.scheduler.until('all', () => h.seen.length === 1_000);
  assert.equal(h.looks, 1);
});

function stateOf(pid = 0): string {
  const stat = readStat(pid);
  return typeof stat === 'string' ? stat : stat.state;
}

test('a killed tree counts as empty after a second of doubt, however long each look takes', async () => {
  using h = hunt(() => {
    h.scheduler.now += 100;
    return { processes: [], unsettled: true };
  });
  const begun = h.scheduler.now;
  h.trees.kill(endedTree());
  await h.scheduler.until('its end', () => h.seen.length > 0);
  const took = h.scheduler.now - begun;
  assert.ok(took >= 1_000 && took <= 1_500, `${took} ms`);
});
