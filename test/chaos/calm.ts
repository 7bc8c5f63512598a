// What must be true a while after the monkey has left: everything that is to be up is up, once, and nothing else.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { LONGEST_BACKOFF_MS, type Member } from './fleet.ts';
import type { Monkey, World } from './monkey.ts';
import { lives } from './processes.ts';
import { Violation } from './record.ts';

/** For a host with other work. */
const SLACK_MS = 20_000;
/** A silent service is found out, stopped and started again within this, a crashing one sooner. */
const LONGEST_CYCLE_MS = 10_000;
/** Stopping, the longest backoff, one cycle of those that come and go. */
const RECOVERY_MS = 1_500 + LONGEST_BACKOFF_MS + LONGEST_CYCLE_MS + SLACK_MS;
const PERIOD_MS = 100;

interface Shown {
  readonly state: string;
  readonly pid: number | null;
  readonly generation: number;
}

/** Gives how long it took until all was well, in milliseconds. Throws Violation. */
export async function becomeCalm(world: World, monkey: Monkey): Promise<number> {
  const { systemd, settings, fleet, watch, record } = world;
  record.note('calm');
  record.count('pauses of the monkey');
  settings.write();
  systemd.isCalm = true;
  await until(world, 'opsd takes its configuration', async () => {
    // One that the monkey has told to go still has that before it.
    if (systemd.isEnding) return 'one that is to end lives';
    return (await settings.reload()) || 'it does not';
  });
  const since = performance.now();
  await Promise.all(fleet.members.map((member) => makeSure(member, monkey)));
  const births = new Map([...watch.transcripts].map(([name, { births }]) => [name, births]));
  const owed = new Map([...watch.transcripts].map(([name, transcript]) => [name, transcript.owing()]));
  await until(world, 'everything is as it is to be', async () => {
    const shown = await status(world);
    const wrong = fleet.members.map((member) => judge(world, member, births.get(member.name) ?? 0, shown));
    const late = [...watch.transcripts.values()].map((transcript) => {
      const lines = owed.get(transcript.service) ?? new Map();
      return transcript.isSettled(lines) ? null : `not in its log: ${transcript.describe(lines)}`;
    });
    const found = [...wrong, ...late].filter((one) => one !== null);
    return found.length === 0 || found.join('; ');
  });
  const took = performance.now() - since;
  await changeInPlace(world);
  for (const member of fleet.members) {
    if (watch.transcriptOf(member.name).main?.revision === member.revision) member.isRevisionSure = true;
  }
  for (const transcript of watch.transcripts.values()) transcript.isTorn = false;
  systemd.isCalm = false;
  record.note(`all is well after ${Math.round(took)} ms`);
  return took;
}

/** Orders what opsd may have forgotten, and what it may mistake for the main process to be replaced. */
async function makeSure(member: Member, monkey: Monkey): Promise<void> {
  const mustRestart = member.isMistakable && member.wish !== 'down';
  member.isMistakable = false;
  if (!member.isConfigured || (!mustRestart && member.wish !== 'unknown')) return;
  await monkey.order(member, mustRestart ? 'restart' : 'start');
  if (member.wish === 'unknown') throw new Violation(`opsd refuses to start ${member.name}`);
}

/** null: it is as it should be. */
function judge(world: World, member: Member, births: number, shown: ReadonlyMap<string, Shown>): string | null {
  const { watch } = world;
  const { name, kind, wish, isConfigured } = member;
  const transcript = watch.transcriptOf(name);
  const alive = watch.aliveOf(name);
  const { main } = transcript;
  const isUp = main !== null && lives(main.key);
  const is = (what: string) => `${name} ${what} (opsd says ${shown.get(name)?.state ?? 'nothing of it'})`;
  if (!isConfigured || wish === 'down') {
    if (alive.length > 0) return is(`is not to be up, and pid ${alive[0]?.pid} of it lives`);
    if (watch.hasPidFile(name)) return is('is down and has a PID file');
    return isConfigured || !shown.has(name) ? null : is('is not configured');
  }
  switch (kind.habit) {
    case 'returns':
      return transcript.births > births ? null : is('has not come back');
    case 'ends':
    case 'succeeds': {
      if (alive.length > 0) return is('has not ended');
      if (watch.hasPidFile(name)) return is('has ended and has a PID file');
      return kind.habit === 'ends' || main?.exitCode === 0 ? null : is('has not succeeded');
    }
    case 'stays': {
      if (!main || !isUp) return is('is not up');
      const pid = Number(main.key.split('.')[0]);
      const seen = shown.get(name);
      if (seen?.state !== 'running' || seen.pid !== pid || seen.generation !== main.generation) {
        return is(`is pid ${pid} of generation ${main.generation}, and opsd says ${seen?.pid} of ${seen?.generation}`);
      }
      if (readPidFile(world, name) !== `${pid}\n`) return is(`is pid ${pid}, and its PID file says otherwise`);
      if (main.revision === member.revision || !member.isRevisionSure) return null;
      return is(`runs with revision ${main.revision} of its configuration, which is ${member.revision}`);
    }
    default:
      return kind.habit satisfies never;
  }
}

/** Nothing that can change under a running process may restart it. */
async function changeInPlace(world: World): Promise<void> {
  const { fleet, settings, watch } = world;
  const steady = fleet.members.filter(
    ({ isConfigured, wish, kind, isRevisionSure }) =>
      isConfigured && wish === 'up' && kind.habit === 'stays' && isRevisionSure,
  );
  const before = steady.map(({ name }) => watch.transcriptOf(name).main?.key);
  for (const member of steady) member.stopTimeoutMs = 1_000 + ((member.stopTimeoutMs + 1) % 500);
  settings.write();
  if (!(await settings.reload())) throw new Violation('a good configuration is refused');
  const shown = await status(world);
  for (const [at, { name }] of steady.entries()) {
    const key = before[at];
    const { state } = shown.get(name) ?? { state: 'unknown' };
    if (key !== undefined && lives(key) && state === 'running') continue;
    throw new Violation(`${name} was restarted for a change that can be made in place: it is ${state}`);
  }
}

async function status({ api }: World): Promise<ReadonlyMap<string, Shown>> {
  const { status, text } = await api.ask('GET', '/api/v1/services', 5_000);
  if (status !== 200) return new Map();
  const { services }: { services: (Shown & { name: string })[] } = JSON.parse(text);
  return new Map(services.map((service) => [service.name, service]));
}

function readPidFile({ arena }: World, service: string): string | null {
  try {
    return readFileSync(join(arena.run, `${service}.pid`), 'utf8');
  } catch {
    return null;
  }
}

/** Asks until the answer is true; what else it is, is why not yet. */
async function until({ record }: World, what: string, probe: () => Promise<true | string>): Promise<void> {
  const end = performance.now() + RECOVERY_MS;
  for (;;) {
    record.check();
    const found = await probe();
    if (found === true) return;
    if (performance.now() > end) throw new Violation(`${RECOVERY_MS / 1_000} s are over, and not: ${what}; ${found}`);
    await pause(PERIOD_MS);
  }
}
