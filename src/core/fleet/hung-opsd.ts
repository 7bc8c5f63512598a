// A service kept opsd waiting in the kernel: it is killed, and not started again by itself.

import { killNow } from '../life/lifecycle.ts';
import { concludeRun } from '../life/run-end.ts';
import { type Moved, type StepContext, unreachable } from '../life/transition.ts';
import type { Next, Service, Verdict } from '../model/state.ts';

export function onHungOpsd(service: Service, context: StepContext, detail: string): Moved {
  const { state } = service;
  const verdict: Verdict = { kind: 'permanent', reason: 'hung_opsd', detail };
  const next: Next = { to: 'settle', verdict, at: context.now };
  switch (state.name) {
    case 'starting':
    case 'running':
      return killNow(service, context, 'hung_opsd', detail, next);
    case 'stopping':
      // An operator's stop stays one.
      if (state.next.to === 'stopped') return killNow(service, context, 'hung_opsd', detail);
      return killNow({ ...service, state: { ...state, next } }, context, 'hung_opsd', detail);
    case 'killing':
      return state.next.to === 'stopped' ? [service, []] : [{ ...service, state: { ...state, next } }, []];
    case 'waiting':
    case 'backoff':
      return concludeRun(service, context, verdict);
    case 'failed':
      // Not even `retry_failed` starts it.
      return state.deadline === null ? [service, []] : [{ ...service, state: { ...state, deadline: null } }, []];
    case 'stopped':
    case 'exited':
      return [service, []];
    default:
      return unreachable(state);
  }
}
