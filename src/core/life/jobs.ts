// Jobs: services that a schedule starts.

import type { Service } from '../model/state.ts';
import { bringDown, start } from './lifecycle.ts';
import { isLive, isWanted, type Moved, type StepContext } from './transition.ts';

/**
 * The schedule is due. A service that an operator stopped is not started by it. A time that was missed is made up for with
 * `catch_up` only: a daily job of the night does not run at noon because the host got the time then.
 */
export function runOnTime(service: Service, isMissed: boolean, context: StepContext): Moved {
  const { state, spec } = service;
  const { schedule } = spec.policy;
  if (schedule === null || context.closingAt !== null || !isWanted(service)) return [service, []];
  if (isMissed && !schedule.catchUp) return [service, [{ type: 'missed', service: spec.name }]];
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
