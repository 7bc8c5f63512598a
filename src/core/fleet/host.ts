// What follows for a service when what it lacked on this host is there.

import { bringDownInTurn, start } from '../life/lifecycle.ts';
import type { Moved, StepContext } from '../life/transition.ts';
import { isHeldBack, lacksHost } from '../model/lacking.ts';
import type { Service } from '../model/state.ts';

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
