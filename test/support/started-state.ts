// The state of a supervisor whose services all run, for tests of what looks at it.

import type { Config } from '../../src/core/model/config.ts';
import type { Event } from '../../src/core/model/events.ts';
import { initialState } from '../../src/core/model/initial.ts';
import type { State } from '../../src/core/model/state.ts';
import { step } from '../../src/core/supervisor.ts';

/** Generation 1 of each was spawned, with PIDs from 1001 on. */
export function startedState(config: Config, now = 0): State {
  let [state] = step(initialState(1), { type: 'configured', config, isFirst: true }, now);
  let pid = 1_000;
  for (const service of config.services.keys()) {
    pid += 1;
    const event: Event = { type: 'spawned', service, generation: 1, pid };
    [state] = step(state, event, now);
  }
  return state;
}
