// Who sent the signal that ended a service: opsd itself, or somebody else.

import type { Reason, StateName } from '../core/model.ts';
import type { WhyFacts } from './why-facts.ts';

/** `detail`: why opsd sent it. */
export type Sender = { readonly who: 'opsd'; readonly detail: string } | { readonly who: 'another' };

const LIVE = new Set<StateName>(['starting', 'running', 'stopping', 'killing']);
/** Failures that a service does not have by itself: opsd ends it for them. */
const ENDED_BY_OPSD = new Set<Reason>([
  'heartbeat_lost',
  'unhealthy',
  'readiness_timeout',
  'memory_limit',
  'run_timeout',
]);

/** null: it was no signal, or nothing that is known tells. */
export function senderOf(facts: WhyFacts): Sender | null {
  const { service, events } = facts;
  const signal = service.lastExit?.signal ?? null;
  if (signal === null) return null;
  const { stopSignal } = service.spec.policy;
  const ended = endedGeneration(facts);
  const story = events.filter(({ generation, from }) => generation === ended && LIVE.has(from));
  if (story.length === 0) return senderByReason(facts, signal === stopSignal || signal === 'SIGKILL');
  // With processes left behind, the main one ended before opsd sent anything.
  if (story.some(({ reason }) => reason === 'leftovers')) return { who: 'another' };
  const sent = story.findLast(({ to }) => {
    return (to === 'stopping' && signal === stopSignal) || (to === 'killing' && signal === 'SIGKILL');
  });
  return sent === undefined ? { who: 'another' } : { who: 'opsd', detail: sent.detail };
}

/** The one that `lastExit` is of: the one before, as long as another lives. */
function endedGeneration({ service }: WhyFacts): number {
  const { state, generation } = service;
  if (!('run' in state)) return generation;
  return state.name === 'starting' || state.run.pid !== null ? generation - 1 : generation;
}

/** An earlier opsd saw it end: of that only the last reason is left. */
function senderByReason({ service }: WhyFacts, isOpsds: boolean): Sender | null {
  const { lastReason, lastDetail, lastExit } = service;
  if (isOpsds && ENDED_BY_OPSD.has(lastReason)) return { who: 'opsd', detail: lastDetail };
  return lastDetail.includes(`killed by ${lastExit?.signal}`) ? { who: 'another' } : null;
}
