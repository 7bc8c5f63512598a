// When opsd oversleeps, no service pays for it: all its deadlines are put off by as much.

import type { Millis } from '../model/spec.ts';
import type { Run, Service } from '../model/state.ts';
import { withDeadline } from './deadline.ts';

/** The service with all future instants moved by `gap`. */
export function postpone(service: Service, gap: Millis): Service {
  const { state } = service;
  if (!('run' in state)) {
    return state.name === 'backoff' ? { ...service, state: { ...state, deadline: state.deadline + gap } } : service;
  }
  const later = (at: Millis | null) => (at === null ? null : at + gap);
  const { beat, check } = state.run;
  const run: Run = {
    ...state.run,
    hookEndsAt: later(state.run.hookEndsAt),
    startedAt: state.name === 'starting' ? state.run.startedAt + gap : state.run.startedAt,
    beat: { ...beat, lostAt: later(beat.lostAt), lookAt: later(beat.lookAt) },
    check: { ...check, askAt: later(check.askAt) },
  };
  if (state.name === 'stopping' || state.name === 'killing') {
    return { ...service, state: { ...state, run, deadline: state.deadline + gap } };
  }
  return withDeadline(service, state.name, run);
}
