// The views of rollouts for the API.

import type { RolloutView } from '../../api/rollouts.ts';
import { serviceOf } from '../../core/fleet/ordering.ts';
import type { State } from '../../core/model/state.ts';
import { turnOf } from '../../core/rollout/note.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isoOrNull } from './event-history.ts';

export function viewRollouts(state: State, clock: Clock): readonly RolloutView[] {
  return [...state.rollouts.values()].map((rollout) => {
    const { group, kind, direction, phase, detail, failure, members, surging } = rollout;
    const services = [...members, ...surging].flatMap((name) => serviceOf(state, name) ?? []);
    return {
      service: group,
      kind,
      direction,
      state: phase,
      detail,
      failure,
      started_at: clock.wallAt(rollout.startedAt).toISOString(),
      ended_at: isoOrNull(rollout.endedAt, clock),
      services: services.map(({ spec: { name }, state: now }) => {
        return { name, turn: turnOf(rollout, name), state: now.name };
      }),
    };
  });
}
