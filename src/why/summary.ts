// The cause of a service's state, in one sentence.

import type { EventView } from '../api/events.ts';
import type { LikelyCause } from './early-end.ts';
import { meaningOfEnd } from './end.ts';
import { ignoredStopSignal, lacksHost, lostDependencies, type WhyFacts, whyOldForm } from './facts.ts';
import type { Finding } from './symptoms.ts';

export function summary(
  facts: WhyFacts,
  failure: EventView | null,
  finding: Finding | null,
  likely: LikelyCause | null,
): string {
  const { service, view } = facts;
  const { name } = view;
  const cause = failure === null ? view.reason : causeOf(facts, failure, finding, likely);
  switch (service.state.name) {
    case 'running':
      return runningSummary(facts, failure, likely);
    case 'starting':
      return failure === null
        ? `${name} is starting (${view.reason}).`
        : `${name} is starting again after a failure: ${cause}.`;
    case 'waiting':
      return waitingSummary(facts, service.state.for);
    case 'stopped':
      return service.spec.policy.enabled || service.desired !== null
        ? `${name} is stopped: ${view.reason}${killedSuffix(facts)}.`
        : `${name} is stopped because it is not enabled (enabled = false).`;
    case 'stopping':
      return `${name} is being stopped: ${view.reason}.`;
    case 'killing':
      return service.state.isStuck
        ? `${name} cannot be ended: ${view.reason}.`
        : `${name} is being killed: ${view.reason}${killedSuffix(facts)}.`;
    case 'backoff':
      return failure === null ? `${name} ended and will be restarted: ${cause}.` : `${name} failed: ${cause}.`;
    case 'failed': {
      if (lacksHost(service)) return `${name} cannot start on this host: ${cause}.`;
      if (view.next_attempt_at === null) return `${name} failed for good: ${cause}.`;
      const count = view.failures_in_a_row;
      const [tooMany = ''] = view.reason.split(', the last: ');
      if (count <= service.spec.policy.maxFailures && tooMany !== view.reason) {
        return `${name} was given up for now after ${tooMany}; the last time: ${cause}.`;
      }
      return count === 1
        ? `${name} failed and was given up for now: ${cause}.`
        : `${name} failed ${count} times in a row and was given up for now; the last time: ${cause}.`;
    }
    case 'exited':
      return failure === null
        ? `${name} ended with success${likelySuffix(likely)}; restart = "${service.spec.policy.restart}" does not restart it.`
        : `${name} failed, and restart = "${service.spec.policy.restart}" does not restart it: ${cause}.`;
    default:
      return `${name} is ${view.state}: ${view.reason}.`;
  }
}

function killedSuffix(facts: WhyFacts): string {
  if (ignoredStopSignal(facts) === undefined) return '';
  return `; it did not end after ${facts.service.spec.policy.stopSignal} and was killed with SIGKILL`;
}

function likelySuffix(likely: LikelyCause | null): string {
  return likely === null ? '' : ` (likely it ${likely.cause})`;
}

function causeOf(facts: WhyFacts, failure: EventView, finding: Finding | null, likely: LikelyCause | null): string {
  const known = knownCause(facts, failure, finding);
  return likely === null ? known : `${known}; likely it ${likely.cause}: ${likely.remedy}`;
}

function knownCause(facts: WhyFacts, { detail, exit }: EventView, finding: Finding | null): string {
  if (finding !== null) return `${detail}; ${finding.isByOpsd ? '' : 'its output says: '}${finding.meaning}`;
  const meaning = exit === null ? null : meaningOfEnd(facts, exit);
  const said = exit === null || meaning === null ? null : (exit.signal ?? `exit code ${exit.code}`);
  // The meaning stands right behind the exit it explains; the rest of the detail says what opsd did then.
  return said === null ? detail : detail.replace(said, () => `${said} (${meaning})`);
}

function runningSummary(facts: WhyFacts, failure: EventView | null, likely: LikelyCause | null): string {
  const { view, refusal } = facts;
  const adopted = view.adopted ? ', adopted from an earlier opsd' : '';
  const up = `${view.name} is up and ready as pid ${view.pid}${adopted}`;
  if (failure !== null) {
    const before = causeOf(facts, failure, null, likely);
    return `${up}, but unstable: it has not been up for stable_after yet, and before that, ${before}.`;
  }
  if (view.healthy === false) return `${up}, but its health probe fails: ${view.last_probe_failure ?? 'unknown'}.`;
  const [lost] = lostDependencies(facts);
  if (lost !== undefined) return `${up}, but ${lost.name}, which it depends on, is ${lost.state}: ${lost.reason}.`;
  const lacked = whyOldForm(facts.service);
  if (lacked !== null) return `${up}, but in its old form, as the new form cannot start on this host: ${lacked}.`;
  if (refusal !== null) return `${up}, but with an old configuration: the files were refused when they were last read.`;
  return `${up}; nothing is wrong.`;
}

function waitingSummary({ view, other, service }: WhyFacts, awaited: string): string {
  const needed = service.spec.policy.dependsOn.map((dependency) => other(dependency.service));
  const missing = needed.find((each) => each !== undefined && awaited.startsWith(`${each.name} (`));
  if (missing === undefined) return `${view.name} waits for ${awaited}.`;
  return `${view.name} waits for ${missing.name}, which is ${missing.state}: ${missing.reason}.`;
}
