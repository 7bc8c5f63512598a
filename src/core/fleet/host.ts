// What a service lacks on this host: whether it waits for it, and what follows when it is there.

import { bringDownInTurn, start } from '../life/lifecycle.ts';
import type { Moved, StepContext } from '../life/transition.ts';
import type { Service } from '../model/state.ts';

/** Whether the service failed for what the host lacks. */
export function lacksHost({ state, lastReason }: Service): boolean {
  return state.name === 'failed' && lastReason === 'host_problem';
}

/** Whether the service runs on in its old form because the new one cannot start on this host. */
export function isHeldBack({ state, nextSpec, deferred }: Service): boolean {
  return (
    nextSpec?.hindrance !== undefined && deferred === null && (state.name === 'starting' || state.name === 'running')
  );
}

/** What the service lacked is there: it is started, or gets its new form. */
export function onHostReady(service: Service, context: StepContext): Moved {
  if (context.closingAt !== null) return [service, []];
  if (lacksHost(service)) {
    return start({ ...service, restarts: service.restarts + 1 }, context, 'retry', 'what it lacked is there');
  }
  if (!isHeldBack(service)) return [service, []];
  const detail = 'its configuration changed, and can be started now';
  return bringDownInTurn(service, context, { to: 'start', reason: 'configuration', detail });
}
