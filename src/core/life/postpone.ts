// When opsd oversleeps, no service pays for it: all its deadlines are put off by as much.

import type { Millis } from '../model/spec.ts';
import type { Next, Run, Service } from '../model/state.ts';
import { withDeadline } from './deadline.ts';

/** The service with all future instants moved by `gap`, and with a run that was ready for `gap` less. */
export function postpone(service: Service, gap: Millis): Service {
  const { state } = service;
  const later = (at: Millis | null) => (at === null ? null : at + gap);
  if (state.name === 'backoff') return { ...service, state: { ...state, deadline: state.deadline + gap } };
  if (state.name === 'failed') return { ...service, state: { ...state, deadline: later(state.deadline) } };
  if (!('run' in state)) return service;
  const { beat, check } = state.run;
  const run: Run = {
    ...state.run,
    overslept: state.run.overslept + gap,
    // An exit while opsd was stopped is not known yet: that time neither makes a service stable nor a member ready.
    readyAt: later(state.run.readyAt),
    hookEndsAt: later(state.run.hookEndsAt),
    beat: { ...beat, lostAt: later(beat.lostAt), lookAt: later(beat.lookAt) },
    check: { ...check, askAt: later(check.askAt) },
  };
  if (state.name === 'stopping' || state.name === 'killing') {
    const next: Next = state.next.to === 'settle' ? { ...state.next, at: state.next.at + gap } : state.next;
    return { ...service, state: { ...state, run, next, deadline: state.deadline + gap } };
  }
  return withDeadline(service, state.name, run);
}
