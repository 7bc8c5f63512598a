// What a service lacks on this host: whether it waits for that.

import type { Service } from './state.ts';

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
