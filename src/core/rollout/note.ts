// What a rollout means to one of its services at this moment, for `ctl status` and `ctl why`.

import { unreachable } from '../life/transition.ts';
import type { Rollout } from '../model/rollout.ts';
import type { State } from '../model/state.ts';

export type MemberTurn = 'waiting' | 'under way' | 'done' | 'as it was' | 'stands in';

export function turnOf({ phase, waiting, inProgress, done, surging }: Rollout, name: string): MemberTurn {
  if (surging.includes(name)) return 'stands in';
  if (waiting.includes(name)) return phase === 'done' ? 'as it was' : 'waiting';
  if (inProgress.includes(name)) return 'under way';
  return done.includes(name) ? 'done' : 'as it was';
}

export interface RolloutNote {
  readonly turn: MemberTurn;
  /** A few words for people. */
  readonly detail: string;
}

/** null: no rollout affects the service. */
export function rolloutNote(state: State, name: string): RolloutNote | null {
  for (const rollout of state.rollouts.values()) {
    if (!rollout.members.includes(name) && !rollout.surging.includes(name)) continue;
    if (rollout.phase === 'done' && rollout.direction === 'forward') continue;
    const turn = turnOf(rollout, name);
    const detail = describeTurn(rollout, turn, rollout.rejected.has(name));
    if (detail !== null) return { turn, detail };
  }
  return null;
}

function describeTurn({ group, phase, detail }: Rollout, turn: MemberTurn, isRejected: boolean): string | null {
  if (phase === 'done') return !isRejected ? null : 'runs its previous configuration: its last change was rolled back';
  const isGoing = phase === 'going';
  switch (turn) {
    case 'stands in':
      return `surge instance of the rollout of ${group}`;
    case 'waiting':
      return isGoing ? `its turn comes; the rollout ${detail}` : 'as before: the rollout stopped';
    case 'under way':
      return isGoing ? 'its turn in the rollout' : 'the rollout stopped here';
    case 'done':
    case 'as it was':
      return null;
    default:
      return unreachable(turn);
  }
}
