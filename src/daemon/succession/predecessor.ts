// Finds what the predecessor left: its state file, its PID files, and every process with its marker.

import { join } from 'node:path';
import type { PredecessorState, Survivor } from '../../core/adoption/adopt.ts';
import type { SavedService } from '../../core/adoption/saved-service.ts';
import type { Config } from '../../core/model/config.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Cgroups } from '../../os/cgroup/cgroups.ts';
import { readPid } from '../../os/files/pid-files.ts';
import type { SavedServiceRecord } from '../../os/files/remembered.ts';
import type { StateFile } from '../../os/files/state-file.ts';
import type { Log } from '../../os/own-log/logger.ts';
import { serviceOfHook, stepOfName } from '../../os/proc/hook-name.ts';
import { bootId } from '../../os/proc/identity.ts';
import { type Discovery, discoverProcesses, type Found, type Hint } from '../../os/processes/process-discovery.ts';
import { accountOf } from '../../os/spawn/accounts.ts';
import type { Sockets } from '../../os/systemd/sockets.ts';
import type { Clock } from '../../runtime/clock.ts';

export interface PredecessorFindings {
  readonly inheritance: PredecessorState;
  /** Living generations, one entry for each service and generation. */
  readonly found: readonly Found[];
  /** Hooks and probes that were in progress when the predecessor ended. */
  readonly hooksLeft: readonly Found[];
}

/** Reads and logs what is there; changes nothing. */
export function inspectPredecessor(
  runDir: string,
  config: Config,
  stateFile: StateFile,
  cgroups: Cgroups | null,
  sockets: Sockets,
  log: Log,
  clock: Clock,
): PredecessorFindings {
  const remembered = stateFile.load();
  if (remembered.trouble !== null) log.warn('state file', { trouble: remembered.trouble });
  const services = new Map(remembered.services.map((service) => [service.name, service]));
  const populated = (cgroups?.sweep() ?? []).map((leftover) => ({
    ...leftover,
    pids: cgroups?.members(leftover.path) ?? [],
  }));
  const uidOf = (name: string) => {
    const service = serviceOfHook(name) ?? name;
    const user = config.services.get(service)?.launch.user ?? null;
    return services.get(service)?.uid ?? (user === null ? null : (accountOf(user, clock.now())?.uid ?? null));
  };
  const users = new Set<number>();
  for (const { launch } of config.services.values()) {
    const uid = launch.user === null ? undefined : accountOf(launch.user, clock.now())?.uid;
    if (uid !== undefined) users.add(uid);
  }
  for (const { uid } of remembered.services) if (uid !== null) users.add(uid);
  const hints = hintsOf(runDir, config, remembered.services);
  // A service in `starting` may have a process that was not saved yet; any other service without a PID has none.
  const ended = remembered.services.filter(({ pid, state }) => pid === null && state !== 'starting');
  const taken = discoverProcesses(runDir, {
    clock,
    hints,
    uidOf,
    users,
    populated,
    ended: ended.map(({ name: service, generation }) => ({ service, generation })),
  });
  if (taken === null) log.error('cannot read /proc: services of an earlier opsd are not found');
  else logForeign(taken, log);
  const isHook = ({ service }: Found) => serviceOfHook(service) !== null;
  const found = taken?.found.filter((one) => !isHook(one)) ?? [];
  const hooksLeft = taken?.found.filter(isHook) ?? [];
  const saved = remembered.services.map((service) => retriable(toMemory(service), config, sockets));
  return {
    found,
    hooksLeft,
    inheritance: { saved, survivors: [...found, ...hooksLeft].flatMap((one) => toSurvivor(one, clock.now())) },
  };
}

function toMemory({ startTime, uid, ...memory }: SavedServiceRecord): SavedService {
  return memory;
}

/**
 * Lets a service that failed for lack of sockets be tried again, as after a change of its configuration, if this opsd
 * has the sockets.
 */
function retriable(memory: SavedService, config: Config, { byName }: Sockets): SavedService {
  const asked = config.services.get(memory.name)?.launch.sockets ?? [];
  const isHopeless = asked.length === 0 || asked.some((name) => !byName.has(name));
  if (isHopeless || memory.state !== 'failed' || memory.lastReason !== 'spawn_failed') return memory;
  return { ...memory, fingerprint: '' };
}

/** A probe or event hook is no step of a run, and so no survivor. */
function toSurvivor({ service: name, generation, main }: Found, now: Millis): Survivor[] {
  const whose = stepOfName(name);
  if (whose === null) return [];
  const pid = main?.identity.pid ?? null;
  return [{ ...whose, generation, pid, startedAt: main?.startedAt ?? now }];
}

function hintsOf(runDir: string, config: Config, remembered: readonly SavedServiceRecord[]): readonly Hint[] {
  const hints: Hint[] = [];
  for (const { name, generation, pid, startTime } of remembered) {
    if (pid === null || startTime === null) continue;
    hints.push({ service: name, generation, pid, identity: { pid, startTime, bootId: bootId() } });
  }
  const names = new Set([...config.services.keys(), ...remembered.map(({ name }) => name)]);
  for (const service of names) {
    const pid = readPid(join(runDir, `${service}.pid`));
    if (pid !== null) hints.push({ service, generation: null, pid, identity: null });
  }
  return hints;
}

function logForeign({ forged, mismatched }: Discovery, log: Log): void {
  for (const { pid, uid, marker } of forged) {
    log.warn('a process carries the marker of this opsd but runs as another user: not a service, left alone', {
      pid,
      uid,
      service: marker?.service ?? null,
    });
  }
  for (const { service, pid, identity } of mismatched) {
    // Hints from PID files are not logged: they prove nothing, and PIDs are often reused.
    if (identity === null) continue;
    log.warn('identity mismatch: the PID now belongs to another process, which is not touched', { service, pid });
  }
}
