// Probes: when the next one is due, and what the answers mean.

import type { Effect } from '../model/effects.ts';
import { spanText } from '../model/span-text.ts';
import type { Health, Millis, Policy, Probe, Readiness } from '../model/spec.ts';
import type { Check, Run, Service } from '../model/state.ts';

/** Intervals are spread by ± 10 %, so that a thousand probes are not due at the same moment. */
const JITTER = 0.1;

/** Probes with an interval of a second or more are due at multiples of this, so that many services share one wakeup. */
const GRID: Millis = 25;

/** No probe is due, and there was no answer. */
export const UNASKED: Check = {
  askAt: null,
  failures: 0,
  successes: 0,
  isHealthy: null,
  lastFailure: null,
  hasWritten: false,
};

/** Longest readiness probe over the network: a connection made too early may never be answered, so ask again. */
const LONGEST_QUESTION: Millis = 5_000;

/** The check of a service that starts: the first readiness probe is due at once. */
export function checkReadiness(policy: Policy, now: Millis): Check {
  return policy.ready?.probe ? { ...UNASKED, askAt: now } : UNASKED;
}

/** Why a service that did not become ready in time is stopped. A silent one may keep back what it has to say. */
export function whyNotReady({ on, timeout }: Readiness, { lastFailure, hasWritten }: Check): string {
  const late = `not ready within ${spanText(timeout)} (ready.on = "${on}")`;
  if (lastFailure !== null) return `${late}; the last answer: ${lastFailure}`;
  if (on !== 'log' || hasWritten) return late;
  return `${late}; its log is empty: without a terminal many programs buffer their output; set PYTHONUNBUFFERED=1, or start it with stdbuf -oL`;
}

/** The check of a running service: the first health probe is due after one interval. */
export function checkHealth(policy: Policy, now: Millis, random: number): Check {
  return policy.health === null ? UNASKED : { ...UNASKED, askAt: later(now, policy.health.interval, random) };
}

/** The effect `probe` that is due, and the run that awaits the answer. */
export function ask(service: Service, run: Run): readonly [Run, readonly Effect[]] {
  const { policy, name } = service.spec;
  const question = questionOf(policy, run);
  if (question === null) return [{ ...run, check: { ...run.check, askAt: null } }, []];
  const probe: Effect = { type: 'probe', service: name, generation: run.generation, ...question };
  return [{ ...run, check: { ...run.check, askAt: null } }, [probe]];
}

/** The check after an answer. `no`: what was wrong; null: nothing. `pause`: until the next probe. */
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

/** Whether the service has become healthy or unhealthy by the answers in a row; null: neither. */
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
