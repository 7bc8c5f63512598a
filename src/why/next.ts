// What opsd does next with a service.

import type { Millis } from '../core/model/spec.ts';
import type { Service } from '../core/model/state.ts';
import { formatDuration } from '../text/units.ts';
import { lacksHost, type WhyFacts, whyOldForm } from './facts.ts';

/** `at`: ISO 8601; null: at no known time. */
interface NextStep {
  readonly next: string;
  readonly at: string | null;
}

/** What opsd does next without a command, and when. */
export function nextStep({ service, view, wallAt }: WhyFacts): NextStep {
  const iso = (instant: Millis) => wallAt(instant).toISOString();
  const { state, spec } = service;
  switch (state.name) {
    case 'running':
      if (whyOldForm(service) !== null)
        return { next: 'its new form is started when opsd sees what it lacks', at: null };
      return { next: watched(service), at: null };
    case 'starting':
      return {
        next:
          spec.policy.ready === null
            ? 'it is running as soon as its process is started'
            : `it is running once it is ready (ready.on = "${spec.policy.ready.on}")`,
        at: null,
      };
    case 'waiting':
      return state.isUnsatisfiable
        ? { next: `nothing: it waits for ${state.for}, and starts when that is up`, at: null }
        : { next: `it is started when the wait for ${state.for} is over`, at: null };
    case 'backoff':
      return { next: 'it is restarted', at: iso(state.deadline) };
    case 'failed':
      if (lacksHost(service)) {
        const often = 'it is started when opsd sees what it lacks, for which it looks every 2 s';
        if (state.deadline === null) return { next: often, at: null };
        return { next: `${often}; tried in any case (retry_failed)`, at: iso(state.deadline) };
      }
      return state.deadline === null
        ? { next: 'nothing, until it is started or its configuration changes', at: null }
        : { next: 'it is tried again, after pauses that grow up to retry_failed', at: iso(state.deadline) };
    case 'stopping':
      return { next: 'SIGKILL, if it is still there (stop_timeout)', at: iso(state.deadline) };
    case 'killing':
      return { next: 'SIGKILL once more, if it is still there', at: iso(state.deadline) };
    case 'stopped':
    case 'exited':
      return view.next_attempt_at === null
        ? { next: 'nothing, until somebody starts it', at: null }
        : { next: 'it is started by its schedule', at: view.next_attempt_at };
    default:
      return { next: 'nothing', at: null };
  }
}

function watched({ spec }: Service): string {
  const { heartbeat, restart } = spec.policy;
  const beat = heartbeat === null ? '' : `; a heartbeat is due every ${formatDuration(heartbeat.timeout)}`;
  return restart === 'never'
    ? `it is watched, and not restarted when it ends (restart = "never")${beat}`
    : `it is watched${beat}`;
}
