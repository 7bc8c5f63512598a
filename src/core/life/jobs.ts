// Services that the clock starts.

import type { Service } from '../model/state.ts';
import { bringDown, start } from './lifecycle.ts';
import { isLive, isWanted, type Moved, type StepContext } from './transition.ts';

/** Its time has come. An operator's stop beats the clock. */
export function runOnTime(service: Service, around: StepContext): Moved {
  const { state, spec } = service;
  const { schedule } = spec.policy;
  if (schedule === null || around.closingAt !== null || !isWanted(service)) return [service, []];
  const detail = `scheduled (${schedule.cron})`;
  if (!isLive(state) && state.name !== 'waiting') return start(service, around, 'schedule', detail);
  switch (schedule.overlap) {
    case 'skip':
      return [service, [{ type: 'skipped', service: spec.name }]];
    case 'queue':
      return [{ ...service, isQueued: true }, []];
    case 'kill':
      return bringDown(service, around, { to: 'start', reason: 'schedule', detail });
  }
}
