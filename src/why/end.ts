// What the last exit of a service means: a signal that opsd sent, a signal of another process, or an exit code.

import type { ExitView } from '../api/services.ts';
import { isLiveState, type Reason } from '../core/model/states.ts';
import type { WhyFacts } from './facts.ts';
import { meaningOfExit } from './symptoms.ts';

/** Who sent the signal that ended the service. `detail`: why opsd sent it. */
type Sender = { readonly who: 'opsd'; readonly detail: string } | { readonly who: 'another' };

/** Failures after which opsd itself ends the service. */
const ENDED_BY_OPSD = new Set<Reason>([
  'heartbeat_lost',
  'unhealthy',
  'readiness_timeout',
  'memory_limit',
  'hung_opsd',
  'run_timeout',
]);

/** The meaning as part of a sentence; null: nothing is known about it. */
export function meaningOfEnd(facts: WhyFacts, { code, signal }: ExitView): string | null {
  const usual = meaningOfExit(code, signal)?.meaning ?? null;
  if (signal === null) return usual;
  const sender = senderOf(facts);
  if (sender === null) return null;
  return sender.who === 'opsd' ? `opsd sent it: ${sender.detail}` : usual;
}

/** null: the service was not ended by a signal, or the sender is unknown. */
function senderOf(facts: WhyFacts): Sender | null {
  const { service, events } = facts;
  const signal = service.lastExit?.signal ?? null;
  if (signal === null) return null;
  const { stopSignal } = service.spec.policy;
  const ended = endedGeneration(facts);
  const { signalled } = facts;
  if (signalled?.generation === ended && signalled.signal === signal) {
    return { who: 'opsd', detail: `signal by ${signalled.by}` };
  }
  const story = events.filter(({ generation, from }) => generation === ended && isLiveState(from));
  if (story.length === 0) return senderByReason(facts, signal === stopSignal || signal === 'SIGKILL');
  // The generation had leftovers: its main process ended before opsd sent a signal to the rest.
  if (story.some(({ reason }) => reason === 'leftovers')) return { who: 'another' };
  const sent = story.findLast(({ to }) => {
    return (to === 'stopping' && signal === stopSignal) || (to === 'killing' && signal === 'SIGKILL');
  });
  return sent === undefined ? { who: 'another' } : { who: 'opsd', detail: sent.detail };
}

/** The generation that `lastExit` belongs to: the previous one while a new generation is alive. */
function endedGeneration({ service }: WhyFacts): number {
  const { state, generation } = service;
  if (!('run' in state)) return generation;
  return state.name === 'starting' || state.run.pid !== null ? generation - 1 : generation;
}

/** For an exit that an earlier opsd saw: the saved state has only the last reason, not the events. */
function senderByReason({ service }: WhyFacts, isOpsds: boolean): Sender | null {
  const { lastReason, lastDetail, lastExit } = service;
  if (isOpsds && ENDED_BY_OPSD.has(lastReason)) return { who: 'opsd', detail: lastDetail };
  return lastDetail.includes(`killed by ${lastExit?.signal}`) ? { who: 'another' } : null;
}
