// The one place that sends signals: it takes an identity, or a child that was not reaped yet, never a bare number.

import type { SignalName } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Identity } from '../../runtime/ports.ts';
import { numberOfSignal } from '../../text/signals.ts';
import { bootId, identityOf, isSignallable, lifeOf, readStat } from './identity.ts';

/**
 * A direct child of opsd. Until it is reaped, its PID and the numbers of its group and session stay its own, dead or
 * alive; after that the kernel may reuse them. Only the spawner that started the child creates this object, and calls
 * `reaped` when it waits for the child.
 */
export class Child {
  readonly pid: number;
  /**
   * null: the spawner calls `reaped` in the moment it reaps, or the identity could not be read at the start. Node tells
   * of the reaping later, so its children are checked by identity each time.
   */
  readonly #identity: Identity | null;
  #isReaped = false;

  constructor(pid: number, reapedBy: 'us' | 'node') {
    this.pid = pid;
    this.#identity = reapedBy === 'us' ? null : identityOf(pid);
  }

  reaped(): void {
    this.#isReaped = true;
  }

  /**
   * Whether the child still holds its PID. The answer stays true for this turn of the event loop, as this thread does
   * the reaping.
   */
  get hold(): 'held' | 'lost' | 'unknown' {
    if (this.#isReaped) return 'lost';
    if (this.#identity === null) return 'held';
    const stat = readStat(this.pid);
    if (typeof stat === 'string') return stat === 'gone' ? 'lost' : 'unknown';
    return stat.startTime === this.#identity.startTime ? 'held' : 'lost';
  }
}

/** The target of a signal, with the proof that its number does not belong to a stranger. */
export type SignalTarget =
  | { readonly to: 'child'; readonly child: Child }
  /** The process group that the child leads. */
  | { readonly to: 'child_group'; readonly child: Child }
  | { readonly to: 'process'; readonly identity: Identity }
  /** The kernel does not reuse the number of a group that has members: a known member is the proof. */
  | { readonly to: 'group'; readonly group: number; readonly witness: Identity };

export type Sent = 'sent' | 'gone' | 'not_permitted' | 'refused';

/** `refused`: the target is opsd itself, its group, all processes or none, or its identity could not be read. */
export function sendSignal(target: SignalTarget, signal: SignalName): Sent {
  const number = numberFor(target);
  if (number === 'gone' || number === 'refused') return number;
  try {
    process.kill(number, numberOfSignal(signal) ?? signal);
    return 'sent';
  } catch (error) {
    const code = codeOf(error);
    return code === 'ESRCH' ? 'gone' : code === 'EPERM' ? 'not_permitted' : 'refused';
  }
}

/**
 * The number for kill(2). It never leaves this file and is used at once: nothing may happen between the proof and the
 * signal.
 */
function numberFor(target: SignalTarget): number | 'gone' | 'refused' {
  switch (target.to) {
    case 'child':
    case 'child_group': {
      const { pid, hold } = target.child;
      if (hold === 'lost') return 'gone';
      if (hold === 'unknown' || !isSignallable(pid)) return 'refused';
      if (target.to === 'child') return pid;
      return isOwnGroup(pid) ? 'refused' : -pid;
    }
    case 'process': {
      if (!isSignallable(target.identity.pid)) return 'refused';
      const life = lifeOf(target.identity);
      return life === 'alive' ? target.identity.pid : life === 'gone' ? 'gone' : 'refused';
    }
    case 'group': {
      if (!isSignallable(target.group) || isOwnGroup(target.group)) return 'refused';
      if (target.witness.bootId !== bootId()) return 'gone';
      const stat = readStat(target.witness.pid);
      if (stat === 'gone') return 'gone';
      if (typeof stat === 'string') return 'refused';
      const proves = stat.startTime === target.witness.startTime && stat.group === target.group;
      return proves ? -target.group : 'gone';
    }
  }
}

/**
 * Read at the start of opsd, while a descriptor is certainly left: without one, opsd must still be able to kill a
 * group.
 */
const self = readStat(process.pid);

function isOwnGroup(group: number): boolean {
  return typeof self === 'string' || self.group === group;
}

/**
 * Whether a process with this PID exists. True also for zombies, and for a stranger that got the number: only a cheap
 * first check.
 */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}
