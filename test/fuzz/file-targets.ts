// What one opsd leaves for the next: state file, PID files, FIFOs, jobs, numbers of instances; spoilt by disks and people.

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { adopt } from '../../src/core/adoption/adopt.ts';
import { savedServices } from '../../src/core/adoption/saved-service.ts';
import type { Event } from '../../src/core/model/events.ts';
import { nextDeadline, step } from '../../src/core/supervisor.ts';
import { Counters } from '../../src/daemon/report/counters.ts';
import { measureService, viewService } from '../../src/daemon/report/views.ts';
import { fingerprintOf } from '../../src/daemon/succession/fingerprint.ts';
import { JobScheduler } from '../../src/daemon/watch/scheduler.ts';
import { FifoRegistry } from '../../src/os/fifo/registry.ts';
import { JobHistory } from '../../src/os/files/job-history.ts';
import { readPid } from '../../src/os/files/pid-files.ts';
import { readScale, scalePath } from '../../src/os/files/scale-file.ts';
import { StateFile } from '../../src/os/files/state-file.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import type { Chance } from '../chaos/chance.ts';
import { configOf } from '../config/loading.ts';
import { recordingLog } from '../os/output/outputs.ts';
import { scratch } from '../support/scratch.ts';
import { mutate, nasty } from './mutations.ts';
import { nastyJson } from './nasty-json.ts';
import type { Target } from './parser-campaign.ts';

const BOOT = '11111111-2222-3333-4444-555555555555';

const config = configOf(`
[services.web]
command = ["true"]
instances = 2
[services.db]
command = ["true"]
heartbeat = "5s"
[services.app]
command = ["true"]
depends_on = ["db"]
[services.job]
command = ["true"]
schedule = "* * * * *"
catch_up = true
`);

const NAMES = ['web@1', 'web@2', 'db', 'app', 'job', 'gone'];
const STATES = ['stopped', 'waiting', 'starting', 'running', 'stopping', 'killing', 'backoff', 'failed', 'exited'];

/** Each in a folder of its own. */
type Maker = (dir: string) => Omit<Target, typeof Symbol.asyncDispose>;

export const fileTargets: readonly (() => Promise<Target>)[] = [
  stateTarget,
  pidTarget,
  fifoTarget,
  jobTarget,
  scaleTarget,
].map((make: Maker) => async () => {
  const folder = await scratch();
  return { ...make(folder.path), [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
});

function randomServices(chance: Chance) {
  const now = systemClock.now();
  return NAMES.filter(() => chance.is(0.8)).map((name) => ({
    name,
    generation: chance.between(0, 20),
    pid: chance.is(0.5) ? null : chance.between(2, 4_000_000),
    startTime: chance.is(0.5) ? null : chance.between(1, 1e9),
    uid: 0,
    state: chance.pick(STATES) ?? 'stopped',
    wish: chance.pick([null, 'up', 'down']) ?? null,
    restarts: 3,
    failuresInARow: chance.between(0, 12),
    attemptsInARow: chance.between(0, 12),
    // A version before had neither.
    ...(chance.is(0.5)
      ? {}
      : {
          recentFailures: { count: chance.between(0, 12), at: now - chance.between(0, 1e6) },
          pausesInARow: chance.between(0, 12),
        }),
    startedAt: now - chance.between(0, 1e6),
    readyAt: chance.is(0.5) ? null : now - chance.between(0, 1e6),
    deadline: chance.is(0.5) ? null : now + chance.between(-1e6, 1e6),
    fingerprint: 'abc',
    lastExit: { code: null, signal: 'SIGSEGV', oom: false },
    lastReason: chance.pick(['signal', 'exit_code', 'spawn_failed', 'too_many_failures']) ?? 'signal',
    lastDetail: 'it crashed',
  }));
}

/** What was believed of it must be fit to live with: to go on from, to be shown, and to be written again. */
function stateTarget(dir: string): ReturnType<Maker> {
  return {
    name: 'state file',
    share: 0.2,
    run(chance, tell) {
      const log = recordingLog();
      const file = new StateFile(dir, BOOT, log);
      const body = nastyJson(chance, randomServices(chance));
      const whole = `{"version":1,"crc32":${crc32(body)},"bootId":"${BOOT}","services":${body}}\n`;
      const bytes = chance.is(0.2) ? mutate(chance, Buffer.from(whole)) : Buffer.from(whole);
      tell(bytes);
      writeFileSync(file.path, bytes, { mode: 0o600 });
      const { services } = file.load();
      const survivors = services
        .filter(() => chance.is(0.5))
        .map(({ name, generation }) => ({ service: name, generation, pid: 4_711, startedAt: systemClock.now() }));
      const { state } = adopt(config, { saved: services, survivors }, fingerprintOf, 1, systemClock.now());
      live(state, chance, file);
    },
  };
}

function live(from: Parameters<typeof step>[0], chance: Chance, file: StateFile): void {
  let now = systemClock.now();
  let state = from;
  const hear = (event: Event) => {
    [state] = step(state, event, now);
  };
  hear({ type: 'configured', config, isFirst: true });
  for (const { spec } of state.services) {
    const action = chance.pick(['start', 'stop', 'restart', 'reset'] as const) ?? 'start';
    hear({ type: 'order', id: 1, action, cascade: false, services: [spec.name], by: 'fuzz' });
  }
  for (let ticks = 0; ticks < 5; ticks++) {
    const deadline = nextDeadline(state);
    if (deadline === null) break;
    assert.ok(Number.isFinite(deadline), `it waits until ${deadline}`);
    now = Math.max(now, Math.min(deadline, now + 3_600_000));
    hear({ type: 'tick' });
  }
  for (const service of state.services) show(service, null);
  const memories = savedServices(state, fingerprintOf);
  const saved = memories.map((memory) => ({ ...memory, startTime: memory.pid === null ? null : 1, uid: 0 }));
  assert.ok(file.saveNow(saved));
  const again = file.load();
  assert.deepEqual([again.trouble, again.services.length], [null, saved.length], 'what is saved can be read');
  for (const { generation } of again.services) {
    // A marker has room for 15 digits.
    assert.ok(generation < 1e15, `generation ${generation} is beyond all that a process can be marked with`);
  }
}

type Shown = Parameters<typeof viewService>[0];

function show(service: Shown, job: ReturnType<JobHistory['of']>): void {
  const beside = { usage: undefined, nextRun: null, job, isMemoryHeld: false, rollout: null, awaited: null };
  JSON.stringify(viewService(service, beside, systemClock));
  const figures = measureService(service, undefined, new Counters(), { bytes: 0, dropped: 0 }, job, systemClock);
  for (const [name, value] of Object.entries(figures)) {
    assert.ok(typeof value !== 'number' || Number.isFinite(value), `${name} is ${value}`);
  }
}

function pidTarget(dir: string): ReturnType<Maker> {
  const path = join(dir, 'web.pid');
  return {
    name: 'PID file',
    share: 0.2,
    run(chance, tell) {
      const bytes = mutate(chance, Buffer.from(`${chance.between(-1, 5_000_000)}\n`));
      tell(bytes);
      writeFileSync(path, bytes);
      const pid = readPid(path);
      assert.ok(pid === null || (Number.isSafeInteger(pid) && pid > 0), String(pid));
    },
  };
}

function fifoTarget(dir: string): ReturnType<Maker> {
  return {
    name: 'book of FIFOs',
    share: 0.2,
    run(chance, tell) {
      const fifos = Object.fromEntries(NAMES.map((name) => [name, { ino: '12', birth: '34', uid: 0 }]));
      const text = nastyJson(chance, { version: 1, fifos });
      tell(text);
      writeFileSync(join(dir, 'opsd.fifos.json'), text, { mode: 0o600 });
      const log = recordingLog();
      const book = new FifoRegistry(dir, log);
      book.keepOnly(new Set(NAMES));
      book.forget('db');
      book.save();
      assert.ok(!log.lines.some((line) => line.startsWith('ERROR')), log.lines.join());
    },
  };
}

/** A job whose past makes no sense is shown, and comes due. */
function jobTarget(dir: string): ReturnType<Maker> {
  const { state } = adopt(config, { saved: [], survivors: [] }, fingerprintOf, 1, systemClock.now());
  return {
    name: 'book of jobs',
    share: 0.2,
    run(chance, tell) {
      const at = Date.now() - chance.between(0, 1e8);
      const record = { dueAt: at, startedAt: at, endedAt: at, succeededAt: at, lastEndAt: at, took: 5 };
      const text = nastyJson(chance, { job: record, other: record });
      tell(text);
      writeFileSync(join(dir, 'jobs.json'), text, { mode: 0o600 });
      const book = new JobHistory(dir, recordingLog());
      using timetable = new JobScheduler(
        () => state,
        () => {},
        book,
        Math.random,
        systemClock,
      );
      timetable.look();
      timetable.look();
      for (const service of state.services) show(service, book.of(service.spec.name));
      book.started('job', at);
      book.ended('job', at + 1, true);
      for (const service of state.services) show(service, book.of(service.spec.name));
    },
  };
}

function scaleTarget(dir: string): ReturnType<Maker> {
  const path = scalePath(dir);
  mkdirSync(dirname(path), { recursive: true });
  return {
    name: 'numbers of instances',
    share: 0.2,
    run(chance, tell) {
      const text = nastyJson(chance, { web: chance.between(0, 10), db: 2, [nasty(chance)]: 3 });
      tell(text);
      writeFileSync(path, text, { mode: 0o600 });
      const { counts } = readScale(path);
      for (const count of counts.values()) assert.ok(Number.isInteger(count) && count >= 1 && count <= 1_000);
    },
  };
}
