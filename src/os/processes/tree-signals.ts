// Signals to process trees: to the main process, to the group in one stroke, to all that left it, and to what forks on.

import type { SignalName } from '../../core/model/spec.ts';
import { readStat, ticksNow } from '../proc/identity.ts';
import type { Process } from '../proc/process-table.ts';
import { type Sent, sendSignal, type Target } from '../proc/signals.ts';
import { inTurns, type Work, workForATurn } from '../proc/turns.ts';
import { groupTargets, identityOfProcess, mayCarry, type Tree, treeKey } from './process-tree.ts';

/** These stop a process: a SIGCONT after them would undo what was asked for. */
const STOPPING: ReadonlySet<SignalName> = new Set(['SIGSTOP', 'SIGTSTP', 'SIGTTIN', 'SIGTTOU', 'SIGCONT']);

/** To the main process, or to all that are known; SIGCONT follows, so that a stopped one acts on it. */
export function tellTree(tree: Tree, signal: SignalName, to: 'main' | 'tree'): Sent {
  if (to === 'tree') return tellAll(tree, signal);
  const sent = signalMain(tree, signal);
  if (sent === 'sent' && !STOPPING.has(signal)) signalMain(tree, 'SIGCONT');
  return sent;
}

/** Of thousands of processes the rest are told in the next turns. */
function tellAll(tree: Tree, signal: SignalName): Sent {
  const work = signalAllAndContinue(tree, signal);
  const { done, value } = workForATurn(work);
  if (done) return value;
  void inTurns(work);
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
  const target: Target = tree.child ? { to: 'child', child: tree.child } : { to: 'process', identity: tree.main };
  const sent = sendSignal(target, signal);
  if (sent === 'sent') tree.heldUntil = now;
  return sent;
}

/** The process group in one stroke, then those that left it, be it only a moment ago. */
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

/** null: it is gone. */
function groupNow(pid: number): number | null {
  const stat = readStat(pid);
  return typeof stat === 'string' ? null : stat.group;
}

function sendFirst(targets: readonly Target[], signal: SignalName): Sent {
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

/** Stops what carries the marker of one of these and was not seen before, lest it forks while others are sought. */
export function stopperOf(killed: ReadonlyMap<string, Tree>): (process: Process) => void {
  return (process) => {
    if (killed.size === 0 || process.marker === null) return;
    const tree = killed.get(treeKey(process.marker.service, process.marker.generation));
    if (tree && mayCarry(tree.uid, process) && isNew(process, tree, tree.members)) sendTo(process, 'SIGSTOP');
  };
}

/** The same for all others that were found to belong to the tree; true if there are new ones. */
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

/** Those of the group were killed at one stroke. */
function isNew(process: Process, tree: Tree, before: ReadonlyMap<number, Process>): boolean {
  return before.get(process.pid)?.startTime !== process.startTime && process.group !== tree.main.pid;
}
