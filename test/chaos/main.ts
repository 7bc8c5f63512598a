// Chaos: a monkey against a real opsd, and a checker that believes only /proc and what the services wrote down themselves.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Api } from './api.ts';
import { Arena } from './arena.ts';
import { Bystanders } from './bystanders.ts';
import { becomeCalm } from './calm.ts';
import { Chance } from './chance.ts';
import { tellCounts, tellTrouble } from './evidence.ts';
import { Fleet } from './fleet.ts';
import { Monkey, type World } from './monkey.ts';
import { keyOf, lives, ProcessTable } from './processes.ts';
import { Record, Violation } from './record.ts';
import { Settings } from './settings.ts';
import { type Ending, Systemd } from './systemd.ts';
import { Vandal } from './vandal.ts';
import { Watch } from './watch.ts';

const LOOK_EVERY_MS = 120;
/** How often a dead opsd's files are spoilt. */
const SPOILT = 0.35;
/** How long the monkey rages between two pauses: three times a minute in a short run, once in a long one. */
const roundMs = (minutes: number) => Math.min(60_000, Math.max(18_000, minutes * 3_000));
/** What it takes to see that all is well afterwards. */
const AFTERWARDS_MS = 9_000;
const SHUTDOWN_MS = 45_000;

const minutes = Number(process.env.MINUTES || 20);
const seed = process.env.SEED ? Number(process.env.SEED) : Math.floor(Math.random() * 1e6);
if (!(minutes > 0) || !Number.isInteger(seed)) {
  console.error('chaos: MINUTES is a number above 0, SEED a whole number');
  process.exit(1);
}
process.exitCode = await chaos();

async function chaos(): Promise<0 | 1> {
  const chance = new Chance(seed);
  const record = new Record(process.env.VERBOSE === '1');
  using arena = new Arena(seed);
  const nobody = findNobody();
  console.log(`chaos: seed ${seed}, ${minutes} min; to repeat it: make chaos MINUTES=${minutes} SEED=${seed}`);
  if (!arena.hasSmallDisk) console.log('chaos: SKIPPED: full disks (only root can mount a small tmpfs)');
  if (!nobody)
    console.log('chaos: SKIPPED: other users and forged markers (not root, or nobody cannot read this folder)');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => record.fail(new Error(`interrupted by ${signal}`)));
  }
  await using bystanders = await Bystanders.start(arena, nobody);
  const fleet = new Fleet(arena.journals, nobody !== null);
  for (const { name } of fleet.members) arena.makeJournal(fleet.journalOf(name));
  using watch = new Watch(arena, fleet, bystanders, record);
  const vandal = new Vandal(
    arena,
    chance.branch(),
    bystanders.pids,
    fleet.members.map(({ name }) => name),
  );
  const dice = chance.branch();
  const revisionOf = (name: string) => watch.transcriptOf(name).main?.revision ?? null;
  const systemd = new Systemd(arena, chance.branch(), record, {
    ended(ending: Ending) {
      if (watch.isDiskTrouble) fleet.forget(revisionOf);
      watch.daemonEnded(ending);
      if (!dice.is(SPOILT)) return;
      const { what, isForgotten } = vandal.strike();
      record.note(`spoilt: ${what}`);
      record.count('times files of opsd were spoilt');
      if (isForgotten) fleet.forget(revisionOf);
    },
    starting() {
      watch.look(null);
      // systemd does not start it again after exit code 1; somebody sees to the configuration and starts it.
      if (settings.isBroken && dice.is(0.5)) settings.write();
    },
    isExcused: (code) =>
      (code === 1 && settings.wasBrokenSince(systemd.startedAt)) || (code === 2 && watch.isDiskTrouble),
  });
  const api = new Api(
    join(arena.run, 'opsd.sock'),
    () => systemd.pid,
    () => fleet.remembers(),
  );
  const settings = new Settings(fleet, arena, api, systemd, record);
  const world: World = { arena, fleet, systemd, watch, settings, api, record, chance: chance.branch() };
  const recovery: number[] = [];
  try {
    await using _ = { [Symbol.asyncDispose]: () => sweep(systemd, arena, bystanders) };
    const looks = setInterval(() => look(world), LOOK_EVERY_MS);
    using _looks = { [Symbol.dispose]: () => clearInterval(looks) };
    systemd.start();
    const monkey = new Monkey(world);
    const end = performance.now() + minutes * 60_000 - 4_000;
    do {
      await monkey.rage(
        Math.min(performance.now() + roundMs(minutes), Math.max(end - AFTERWARDS_MS, performance.now() + 1_000)),
      );
      recovery.push(await becomeCalm(world, monkey));
    } while (performance.now() + AFTERWARDS_MS < end);
    await shutDown(world);
    clearInterval(looks);
    watch.finish();
    record.check();
  } catch (error) {
    arena.mustKeep = true;
    tellTrouble(error, seed, record, arena);
    return 1;
  }
  tellCounts(record, watch, recovery);
  console.log(`chaos: no promise was broken in ${(record.elapsed / 60).toFixed(1)} min with seed ${seed}`);
  return 0;
}

function look({ watch, systemd, record, fleet }: World): void {
  try {
    watch.look(systemd.pid);
    if (!fleet.isForgotten) return;
    for (const member of fleet.members) member.isMistakable ||= watch.isHeadless(member.name);
  } catch (error) {
    record.fail(error);
  }
}

/** The last SIGTERM: what is to be gone afterwards `Watch` checks at the end of opsd. */
async function shutDown({ systemd, record }: World): Promise<void> {
  systemd.stop();
  systemd.signal('SIGTERM');
  const end = performance.now() + SHUTDOWN_MS;
  while (systemd.pid !== null) {
    record.check();
    if (performance.now() > end) throw new Violation(`opsd did not shut down within ${SHUTDOWN_MS / 1_000} s`);
    await pause(20);
  }
  record.check();
}

/** Whatever the outcome, nothing stays behind. */
async function sweep(systemd: Systemd, arena: Arena, bystanders: Bystanders): Promise<void> {
  systemd.stop();
  systemd.signal('SIGKILL');
  const table = new ProcessTable(arena.run, bystanders.pids);
  for (let left = table.look(); left.length > 0 || systemd.pid !== null; left = table.look()) {
    for (const one of left) if (lives(keyOf(one))) process.kill(one.pid, 'SIGKILL');
    await pause(20);
  }
}

/** A user for services and forgers, if root may lend them, and if this folder is open to them. */
function findNobody(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const [uid, gid] = ['-u', '-g'].map((what) => Number(spawnSync('id', [what, 'nobody'], { encoding: 'utf8' }).stdout));
  if (!uid || !gid) return null;
  const program = join(import.meta.dirname, 'service.sh');
  return spawnSync('test', ['-x', program], { uid, gid }).status === 0 ? { uid, gid } : null;
}
