// Failures, counted in two ways: in a row since the service was stable, and lately, however long it was up in between.

import { spanText } from '../model/span-text.ts';
import type { Millis } from '../model/spec.ts';
import type { RecentFailures, Service, Verdict } from '../model/state.ts';
import { isStable } from './transition.ts';

/** After this share of `max_failures` has faded away, a stable service is no longer in the same series of failures. */
const CALM = 1 / 2;

/**
 * The service with one failure more. A series of failures is over when the service was stable and most of its recent
 * failures are forgotten: the next pause is then a short one again.
 */
export function withFailure(service: Service, verdict: Verdict, now: Millis): Service {
  const { policy } = service.spec;
  const wasStable = isStable(service, now);
  const recent = recentFailuresAt(service, now);
  const isNewSeries = wasStable && recent <= Math.max(1, policy.maxFailures * CALM);
  return {
    ...service,
    lastFailure: verdict.reason,
    failuresInARow: (wasStable ? 0 : service.failuresInARow) + 1,
    recentFailures: { count: recent + 1, at: now },
    pausesInARow: isNewSeries ? 0 : service.pausesInARow,
  };
}

/** The number of failures in the last `max_failures_in`, as an EWMA has it; 0 where no such span is set. */
function recentFailuresAt({ recentFailures, spec }: Service, now: Millis): number {
  const span = spec.policy.maxFailuresIn;
  return span === 0 ? 0 : fade(recentFailures, span, now);
}

/** Why the failures are too many, of which the last is `verdict`: one sentence. null: they are not. */
export function tooManyFailures(service: Service, verdict: Verdict, now: Millis): string | null {
  const { maxFailures, maxFailuresIn } = service.spec.policy;
  if (service.failuresInARow > maxFailures) return failuresText(service, verdict);
  const recent = recentFailuresAt(service, now);
  if (recent <= maxFailures) return null;
  return `about ${Math.ceil(recent)} failures in ${spanText(maxFailuresIn)} (max_failures_in), the last: ${verdict.detail}`;
}

/** `4 failures in a row, the last: exit code 1`. */
export function failuresText({ failuresInARow }: Service, { detail }: Verdict): string {
  return failuresInARow === 1 ? detail : `${failuresInARow} failures in a row, the last: ${detail}`;
}

function fade({ count, at }: RecentFailures, span: Millis, now: Millis): number {
  return count * Math.exp(-Math.max(0, now - at) / span);
}
