// The commands that show more of the cause of a service's state, or remove it.

import type { EventView } from '../api/events.ts';
import type { Reason } from '../core/model/states.ts';
import { ignoredStopSignal, lostDependencies, missingHeartbeatFolder, type WhyFacts, whyOldForm } from './facts.ts';
import { type Finding, meaningOfExit } from './symptoms.ts';

export function commands(facts: WhyFacts, failure: EventView | null, finding: Finding | null): readonly string[] {
  const { service, view } = facts;
  const { name } = view;
  const found = new Set<string>();
  const exit = view.exit === null ? null : meaningOfExit(view.exit.code, view.exit.signal);
  if (finding?.command != null) found.add(finding.command);
  const folder = missingHeartbeatFolder(facts, failure);
  if (folder !== null) found.add(makeFolder(folder, service.spec.launch.user));
  if (failure !== null) for (const command of remedies(facts, failure.reason)) found.add(command);
  if (failure?.reason === 'signal' && exit?.command != null) found.add(exit.command);
  switch (service.state.name) {
    case 'waiting':
      for (const dependency of service.spec.policy.dependsOn) {
        if (facts.other(dependency.service)?.state !== 'running') found.add(`opsd ctl why ${dependency.service}`);
      }
      break;
    case 'killing':
      if (service.state.isStuck && view.pid !== null) found.add(`cat /proc/${view.pid}/stack /proc/${view.pid}/wchan`);
      break;
    case 'failed':
    case 'backoff':
      found.add(`opsd ctl logs ${name}`);
      found.add(`opsd ctl restart ${name}`);
      break;
    case 'exited':
      // A service that ended with success needs no advice.
      if (failure === null) break;
      found.add(`opsd ctl logs ${name}`);
      found.add(`opsd ctl start ${name}`);
      break;
    case 'stopped':
      found.add(`opsd ctl start ${name}`);
      break;
    case 'running':
      if (whyOldForm(service) !== null) found.add('opsd check');
      for (const lost of lostDependencies(facts)) found.add(`opsd ctl why ${lost.name}`);
      if (failure !== null) found.add(`opsd ctl logs ${name}`);
      break;
    default:
      if (failure !== null) found.add(`opsd ctl logs ${name}`);
  }
  if (ignoredStopSignal(facts) !== undefined) {
    // Shows the signals that the process blocks, ignores and catches, as bits: see proc_pid_status(5).
    if (view.pid !== null) found.add(`grep ^Sig /proc/${view.pid}/status`);
    found.add(`opsd config --explain | grep stop_`);
  }
  if (view.rollout !== null) found.add(`opsd ctl rollout status ${service.spec.group ?? name}`);
  if (facts.refusal !== null) for (const command of ['opsd check', 'opsd ctl reload']) found.add(command);
  return [...found];
}

/** Commands for one kind of failure. */
function remedies({ service, view }: WhyFacts, reason: Reason): readonly string[] {
  const { heartbeatFile } = service.spec.launch;
  switch (reason) {
    case 'host_problem':
      return ['opsd check'];
    case 'spawn_failed':
      return ['opsd check', 'opsd ctl reload'];
    case 'heartbeat_lost':
      return [`stat ${heartbeatFile}`, ...(view.pid === null ? [] : [`cat /proc/${view.pid}/status`])];
    case 'oom':
      return [`journalctl -k --grep='out of memory|oom' -n 20`];
    case 'leftovers':
    case 'hung_opsd':
    case 'unkillable':
      return ['ps -eo pid,ppid,pgid,stat,wchan:20,args'];
    default:
      return [];
  }
}

function makeFolder(path: string, user: string | null): string {
  return `install -d ${user === null ? '' : `-o ${user} `}${path}`;
}
