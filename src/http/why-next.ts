// What opsd does next with a service.

import type { Service } from '../core/model.ts';
import type { Millis } from '../core/spec.ts';
import type { WhyFacts } from './why-facts.ts';

/** What opsd does by itself, and when. */
export function nextStep({ service }: WhyFacts): { readonly next: string; readonly at: Millis | null } {
  const { state, spec } = service;
  switch (state.name) {
    case 'running':
      return { next: watched(service), at: null };
    case 'starting':
      return {
        next:
          spec.policy.ready === null
            ? 'it counts as up once it is spawned'
            : `it counts as up once it is ready (ready.on = "${spec.policy.ready.on}")`,
        at: null,
      };
    case 'waiting':
      return { next: `it is started once it need not wait for ${state.for} any more`, at: null };
    case 'backoff':
      return { next: 'it is started again', at: state.deadline };
    case 'failed':
      return state.deadline === null
        ? { next: 'nothing, until it is started or its configuration changes', at: null }
        : { next: 'it is tried again (retry_failed)', at: state.deadline };
    case 'stopping':
      return { next: 'SIGKILL, if it is still there (stop_timeout)', at: state.deadline };
    case 'killing':
      return { next: 'SIGKILL once more, if it is still there', at: state.deadline };
    case 'stopped':
    case 'exited':
      return { next: 'nothing, until somebody starts it', at: null };
    default:
      return { next: 'nothing', at: null };
  }
}

function watched({ spec }: Service): string {
  const { heartbeat, restart } = spec.policy;
  const beat = heartbeat === null ? '' : `; a heartbeat is due every ${heartbeat.timeout / 1000} s`;
  return restart === 'never'
    ? `it is watched, and not restarted when it ends (restart = "never")${beat}`
    : `it is watched${beat}`;
}
