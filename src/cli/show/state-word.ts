// The state of a service in a word, and whether it is as it should be.

import type { ServiceView } from '../../api/services.ts';
import type { StateName } from '../../core/model/states.ts';
import { ago } from '../../runtime/wall-time.ts';
import type { Colour } from './terminal.ts';

export type StateWord = StateName | 'unstable';

export const COLOURS: Readonly<Record<StateWord, Colour>> = {
  running: 'green',
  unstable: 'yellow',
  starting: 'cyan',
  waiting: 'cyan',
  stopping: 'yellow',
  killing: 'yellow',
  backoff: 'yellow',
  failed: 'red',
  stopped: 'dim',
  exited: 'dim',
};

/** A service that runs between two crashes is not shown as one that runs. `now`: Unix milliseconds. */
export function stateWord({ state, unstable_until: until }: ServiceView, now: number): StateWord {
  return until !== null && ago(until, now) < 0 ? 'unstable' : state;
}

/** Whether it runs, is a job that has succeeded, or one that waits for its time. */
export function isUp({ state, completed, next_attempt_at: next }: ServiceView): boolean {
  return state === 'running' || completed || (state === 'stopped' && next !== null);
}
