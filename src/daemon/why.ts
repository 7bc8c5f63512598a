// Why a service is as it is: the cause in one sentence, the evidence, what comes next, and what would help.

import type { Service, State } from '../core/model.ts';
import { failuresNow } from '../core/transition.ts';
import type { EventView, WhyView } from '../http/view.ts';
import { monotonic, wallAt } from '../runtime/clock.ts';
import { isoOrNull } from './chronicle.ts';

export function explain(
  service: Service,
  _state: State,
  lastLines: readonly string[],
  recent: readonly EventView[],
): WhyView {
  const { state, spec, lastDetail } = service;
  const { name } = spec;
  const failures = failuresNow(service, monotonic());
  const nextAt = state.name === 'backoff' || state.name === 'failed' ? isoOrNull(state.deadline) : null;
  const evidence = recent
    .filter((event) => event.service === name)
    .slice(-5)
    .reverse()
    .map((event) => ({ label: event.at, text: `${event.from} → ${event.to}: ${event.detail}` }));
  return {
    version: 1,
    service: name,
    state: state.name,
    since: wallAt(service.since).toISOString(),
    summary: `${name} is ${state.name}: ${lastDetail}`,
    evidence: failures > 0 ? [{ label: 'failures in a row', text: String(failures) }, ...evidence] : evidence,
    last_lines: lastLines,
    next: nextAt === null ? 'nothing' : 'it is started again',
    next_at: nextAt,
    commands: state.name === 'running' ? [] : [`opsd ctl logs ${name}`, `opsd ctl start ${name}`],
  };
}
