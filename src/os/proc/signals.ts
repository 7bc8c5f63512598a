// The one door through which signals go: it takes an identity, or a child that nobody has reaped, and never a number.

import type { SignalName } from '../../core/model/spec.ts';
import { codeOf } from '../../errors.ts';
import type { Identity } from '../../runtime/ports.ts';
import { bootId, identityOf, isSignallable, lifeOf, readStat } from './identity.ts';

/**
 * A direct child of opsd. Until it is reaped, its number and those of its group and session are its own, dead or alive;
 * from then on they may be another's. Only who has started it makes one, and tells it of the wait that frees the number.
 */
export class Child {
  readonly pid: number;
  /** null: who reaps it tells in the same moment, or nothing could be read at its start. Node tells later: each time one has to look. */
  readonly #identity: Identity | null;
  #isReaped = false;

  constructor(pid: number, reapedBy: 'us' | 'node') {
    this.pid = pid;
    this.#identity = reapedBy === 'us' ? null : identityOf(pid);
  }

  reaped(): void {
    this.#isReaped = true;
  }

  /** Are its numbers its own? Nobody reaps it in this turn of the loop after the answer: that is done by this thread. */
  get hold(): 'held' | 'lost' | 'unknown' {
    if (this.#isReaped) return 'lost';
    if (this.#identity === null) return 'held';
    const stat = readStat(this.pid);
    if (typeof stat === 'string') return stat === 'gone' ? 'lost' : 'unknown';
    return stat.startTime === this.#identity.startTime ? 'held' : 'lost';
  }
}

/** Whom a signal is for, with what proves that it is not a stranger. */
export type Target =
  | { readonly to: 'child'; readonly child: Child }
  /** The group that such a child leads. */
  | { readonly to: 'child_group'; readonly child: Child }
  | { readonly to: 'process'; readonly identity: Identity }
  /** A group's number is not used again while it has members: one that is known proves it. */
  | { readonly to: 'group'; readonly group: number; readonly witness: Identity };

export type Sent = 'sent' | 'gone' | 'not_permitted' | 'refused';

/** `refused`: the target is opsd itself, everybody, or nobody in particular, or its identity could not be read. */
export function sendSignal(target: Target, signal: SignalName): Sent {
  const number = numberFor(target);
  if (number === 'gone' || number === 'refused') return number;
  try {
    process.kill(number, signal);
    return 'sent';
  } catch (error) {
    const code = codeOf(error);
    return code === 'ESRCH' ? 'gone' : code === 'EPERM' ? 'not_permitted' : 'refused';
  }
}

/** What kill(2) takes. It leaves this file never, and is used at once: nothing else may happen after the proof. */
function numberFor(target: Target): number | 'gone' | 'refused' {
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

/** Read at the start, while there surely is a descriptor for it: without one opsd must still be able to end a group. */
const self = readStat(process.pid);

function isOwnGroup(group: number): boolean {
  return typeof self === 'string' || self.group === group;
}

/** Is anything there under this number? True for zombies, and for a stranger that got the number: only a first look. */
export function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}
