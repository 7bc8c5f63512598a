// Probes: when a live generation is asked, and what its answers mean.

import type { Effect } from '../model/effects.ts';
import type { Health, Millis, Policy, Probe } from '../model/spec.ts';
import type { Check, Run, Service } from '../model/state.ts';

/** Spread over ± 10 %, so that a thousand probes do not come at the same moment. */
const JITTER = 0.1;

/** Questions of a second and more apart are asked at multiples of this: a thousand services then share their wakings. */
const GRID: Millis = 25;

/** Nobody asks, and nobody has asked. */
export const UNASKED: Check = { askAt: null, failures: 0, successes: 0, isHealthy: null, lastFailure: null };

/** A question over the network that is not answered by then is asked again: the first one may have come too early. */
const LONGEST_QUESTION: Millis = 5_000;

/** Readiness by a probe: the first question comes at once. */
export function checkReadiness(policy: Policy, now: Millis): Check {
  return policy.ready?.probe ? { ...UNASKED, askAt: now } : UNASKED;
}

export function checkHealth(policy: Policy, now: Millis, random: number): Check {
  return policy.health === null ? UNASKED : { ...UNASKED, askAt: later(now, policy.health.interval, random) };
}

/** The question that is due, and the run that awaits its answer. */
export function ask(service: Service, run: Run): readonly [Run, readonly Effect[]] {
  const { policy, name } = service.spec;
  const question = questionOf(policy, run);
  if (question === null) return [{ ...run, check: { ...run.check, askAt: null } }, []];
  const probe: Effect = { type: 'probe', service: name, generation: run.generation, ...question };
  return [{ ...run, check: { ...run.check, askAt: null } }, [probe]];
}

/** After an answer: the counts, and the time of the next question. */
export function answered(check: Check, no: string | null, pause: Millis, now: Millis, random: number): Check {
  const isGood = no === null;
  return {
    ...check,
    lastFailure: no ?? check.lastFailure,
    askAt: later(now, pause, random),
    failures: isGood ? 0 : check.failures + 1,
    successes: isGood ? check.successes + 1 : 0,
  };
}

/** What the answers in a row say of the health now; null: nothing new. */
export function verdictOf(check: Check, health: Health): boolean | null {
  if (check.failures >= health.failures && check.isHealthy !== false) return false;
  if (check.successes >= health.successes && check.isHealthy !== true) return true;
  return null;
}

function questionOf({ ready, health }: Policy, run: Run): { probe: Probe; timeout: Millis } | null {
  if (run.readyAt === null) {
    if (ready === null || ready.probe === null) return null;
    const { probe, timeout } = ready;
    return { probe, timeout: probe.kind === 'exec' ? timeout : Math.min(timeout, LONGEST_QUESTION) };
  }
  return health === null ? null : { probe: health.probe, timeout: health.timeout };
}

function later(now: Millis, pause: Millis, random: number): Millis {
  const at = now + pause * (1 + JITTER * (2 * random - 1));
  return pause < 40 * GRID ? at : Math.round(at / GRID) * GRID;
}
