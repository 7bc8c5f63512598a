// What a reload will do to each service, judged by what runs and not only by the files.

import { serviceOf } from '../fleet/ordering.ts';
import { isLive, isWanted } from '../life/transition.ts';
import { type Change, needsNewProcess, planReload } from '../model/changes.ts';
import type { Config } from '../model/config.ts';
import type { ServiceSpec } from '../model/spec.ts';
import type { State } from '../model/state.ts';
import { isSame, specOf } from './member.ts';

/** `planReload`, where a restart is announced only of services that the reload or its rollouts restart. */
export function planReloadOf(state: State, before: Config, after: Config): readonly Change[] {
  return planReload(before, after).map((change) => {
    const { kind, service } = change;
    const next = after.services.get(service);
    if (next === undefined || (kind !== 'restarted' && kind !== 'rolled')) return change;
    return { ...change, kind: restartOf(state, next, kind) };
  });
}

function restartOf(state: State, next: ServiceSpec, kind: 'restarted' | 'rolled'): Change['kind'] {
  const service = serviceOf(state, next.name);
  if (service === undefined) return kind;
  const isTimed = next.policy.schedule !== null && service.desired === null;
  if (!isLive(service.state) && (isTimed || !isWanted({ ...service, spec: next }))) return 'at_next_start';
  const runs = specOf(service);
  const wasRejected = isSame(state.rollouts.get(next.group ?? next.name)?.rejected.get(next.name), next);
  if (kind === 'rolled' && wasRejected && !isSame(runs, next)) return 'rejected';
  return needsNewProcess(runs, next) ? kind : 'in_force';
}
