// Jobs: services that a schedule starts.

import type { Service } from '../model/state.ts';
import { bringDown, start } from './lifecycle.ts';
import { isLive, isWanted, type Moved, type StepContext } from './transition.ts';

/** The schedule is due. A service that an operator stopped is not started by it. */
export function runOnTime(service: Service, context: StepContext): Moved {
  const { state, spec } = service;
  const { schedule } = spec.policy;
  if (schedule === null || context.closingAt !== null || !isWanted(service)) return [service, []];
  const detail = `scheduled (${schedule.cron})`;
  if (!isLive(state) && state.name !== 'waiting') return start(service, context, 'schedule', detail);
  switch (schedule.overlap) {
    case 'skip':
      return [service, [{ type: 'skipped', service: spec.name }]];
    case 'queue':
      return [{ ...service, isQueued: true }, []];
    case 'kill':
      return bringDown(service, context, { to: 'start', reason: 'schedule', detail });
  }
}
