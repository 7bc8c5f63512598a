// Signals to process trees: to the main process, to its group at once, to all processes that left the group, and
// SIGSTOP to those that keep forking.

import type { SignalName } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { readStat, ticksNow } from '../proc/identity.ts';
import type { Process } from '../proc/known-process.ts';
import { type Sent, type SignalTarget, sendSignal } from '../proc/signals.ts';
import { inTurns, type Work, workForATurn } from '../proc/turns.ts';
import { groupTargets, identityOfProcess, mayCarry, type Tree, treeKey } from './process-tree.ts';

/** Signals that stop or continue a process: a SIGCONT after them would undo them. */
const STOPPING: ReadonlySet<SignalName> = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT']);

/**
 * Signals the main process, or all known processes of the tree. SIGCONT follows, so that a stopped process acts on the
 * signal.
 */
export function signalTree(tree: Tree, signal: SignalName, to: 'main' | 'tree', clock: Clock): Sent {
  if (to === 'tree') return signalWholeTree(tree, signal, clock);
  const sent = signalMain(tree, signal);
  if (sent === 'sent' && !STOPPING.has(signal)) signalMain(tree, 'SIGCONT');
  return sent;
}

/** Signals as many processes as fit into this turn of the event loop, and the rest in the next turns. */
function signalWholeTree(tree: Tree, signal: SignalName, clock: Clock): Sent {
  const work = signalAllAndContinue(tree, signal);
  const { done, value } = workForATurn(work, clock);
  if (done) return value;
  void inTurns(work, clock);
  return 'sent';
}

function* signalAllAndContinue(tree: Tree, signal: SignalName): Work<Sent> {
  const sent = yield* signalAll(tree, signal);
  if (sent === 'sent' && !STOPPING.has(signal)) yield* signalAll(tree, 'SIGCONT');
  return sent;
}

export function signalMain(tree: Tree, signal: SignalName): Sent {
  if (!tree.mainAlive) return 'gone';
  const now = ticksNow();
  const target: SignalTarget = tree.child ? { to: 'child', child: tree.child } : { to: 'process', identity: tree.main };
  const sent = sendSignal(target, signal);
  if (sent === 'sent') tree.pidHeldUntil = now;
  return sent;
}

/** Signals the process group at once, then each process that has left it, even a moment ago. */
export function* signalAll(tree: Tree, signal: SignalName): Work<Sent> {
  let sent = sendFirst(groupTargets(tree), signal);
  for (const process of [...tree.members.values()]) {
    yield;
    if (groupNow(process.pid) === tree.main.pid) continue;
    const reached = sendTo(process, signal);
    if (sent === 'gone' || reached === 'sent') sent = reached;
  }
  return sent;
}

/** null: the process is gone. */
function groupNow(pid: number): number | null {
  const stat = readStat(pid);
  return typeof stat === 'string' ? null : stat.group;
}

function sendFirst(targets: readonly SignalTarget[], signal: SignalName): Sent {
  let sent: Sent = 'gone';
  for (const target of targets) {
    sent = sendSignal(target, signal);
    if (sent === 'sent') break;
  }
  return sent;
}

function sendTo(process: Process, signal: SignalName): Sent {
  return sendSignal({ to: 'process', identity: identityOfProcess(process) }, signal);
}

/**
 * Returns a callback for the process scan: it stops each new process that carries the marker of a tree being killed, so
 * that the process cannot fork while the scan goes on.
 */
export function stopperOf(killed: ReadonlyMap<string, Tree>): (process: Process) => void {
  return (process) => {
    if (killed.size === 0 || process.marker === null) return;
    const tree = killed.get(treeKey(process.marker.service, process.marker.generation));
    if (tree && mayCarry(tree.uid, process) && isNew(process, tree, tree.members)) sendTo(process, 'SIGSTOP');
  };
}

/** Stops all other new processes of the tree; true if there were any. */
export function* stopNew(tree: Tree, before: ReadonlyMap<number, Process>): Work<boolean> {
  let found = false;
  for (const process of [...tree.members.values()]) {
    if (!isNew(process, tree, before)) continue;
    found = true;
    if (process.state === 'T') continue;
    yield;
    sendTo(process, 'SIGSTOP');
  }
  return found;
}

/** Processes of the main process's group are not new: SIGKILL reached the whole group at once. */
function isNew(process: Process, tree: Tree, before: ReadonlyMap<number, Process>): boolean {
  return before.get(process.pid)?.startTime !== process.startTime && process.group !== tree.main.pid;
}
