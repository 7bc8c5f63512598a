// Why a service is as it is: the cause in one sentence, the evidence, what comes next, and what would help.

import type { Service, ServiceState, State } from '../core/model.ts';
import { serviceOf } from '../core/order.ts';
import type { Millis } from '../core/spec.ts';
import { failuresNow, isWanted } from '../core/transition.ts';
import { describeExit } from '../core/verdict.ts';
import type { EventView, WhyView } from '../http/view.ts';
import { monotonic, timeOfDay, wallAt } from '../runtime/clock.ts';
import { isoOrNull } from './chronicle.ts';

type Evidence = WhyView['evidence'][number];

const MOST_CHANGES = 4;
const MOST_LINES = 10;

export function explain(
  service: Service,
  world: State,
  lastLines: readonly string[],
  recent: readonly EventView[],
): WhyView {
  const { state, spec } = service;
  const now = monotonic();
  return {
    version: 1,
    service: spec.name,
    state: state.name,
    since: wallAt(service.since).toISOString(),
    summary: summarise(service, now),
    evidence: [...evidenceOf(service, world, now), ...changesOf(spec.name, recent)],
    last_lines: lastLines.slice(-MOST_LINES),
    next: nextOf(service),
    next_at: state.deadline === null || !isTimed(state) ? null : isoOrNull(state.deadline),
    commands: commandsFor(service),
  };
}

function summarise(service: Service, now: Millis): string {
  const { state, spec, lastDetail } = service;
  const { name } = spec;
  switch (state.name) {
    case 'running':
      return `${name} is up and ready (generation ${state.run.generation}${state.run.adopted ? ', adopted from an earlier opsd' : ''}).`;
    case 'starting':
      return `${name} was started and is not ready yet: it waits for ${awaited(service)}.`;
    case 'waiting':
      return `${name} is to be up, and waits for ${state.for}.`;
    case 'stopping':
      return `${name} was asked to end (${lastDetail}); ${state.run.pid === null ? 'its main process is gone, others of its tree are not' : 'its main process has not ended yet'}.`;
    case 'killing':
      return `${name} did not end when asked to, and was sent SIGKILL: ${lastDetail}.`;
    case 'backoff':
      return `${name} failed: ${lastDetail}. It is failure ${failuresNow(service, now)} in a row.`;
    case 'failed':
      return `${name} failed and is not restarted now: ${lastDetail}.`;
    case 'exited':
      return `${name} ended by itself (${lastDetail}), and restart = "${spec.policy.restart}" leaves it so.`;
    case 'stopped':
      return `${name} is stopped: ${isWanted(service) ? lastDetail : whyDown(service)}.`;
  }
}

function whyDown({ wish, spec, lastDetail }: Service): string {
  if (wish === 'down') return `${lastDetail}, and that stays so until it is started or the machine boots`;
  return spec.policy.enabled ? lastDetail : 'it is not enabled (enabled = false)';
}

function awaited({ spec: { policy } }: Service): string {
  if (policy.ready === null) return 'its spawn';
  const limit = `, for ${policy.ready.timeout / 1_000} s at the most`;
  return policy.ready.on === 'heartbeat'
    ? `its first heartbeat${limit}`
    : `staying up for ${policy.ready.delay / 1_000} s`;
}

function evidenceOf(service: Service, world: State, now: Millis): readonly Evidence[] {
  const { state, spec, lastExit } = service;
  const { policy, launch } = spec;
  const run = 'run' in state ? state.run : null;
  const failures = failuresNow(service, now);
  const all: (Evidence | null)[] = [
    run?.pid ? { label: 'process', text: `pid ${run.pid}: ${launch.command.join(' ')}` } : null,
    failures > 0
      ? { label: 'failures in a row', text: `${failures} (more than ${policy.maxFailures} are one too many)` }
      : null,
    lastExit === null ? null : { label: 'last exit', text: describeExit(lastExit) },
    run === null || policy.heartbeat === null
      ? null
      : { label: 'heartbeat', text: `${beatText(run.beat.at, now)}; file ${launch.heartbeatFile}` },
    ...policy.dependsOn.map(({ service: needed, until }) => ({
      label: 'depends on',
      text: `${needed} (${until}): it is ${serviceOf(world, needed)?.state.name ?? 'not configured'}`,
    })),
  ];
  return all.filter((one) => one !== null);
}

function beatText(at: Millis | null, now: Millis): string {
  return at === null ? 'none seen yet' : `seen ${((now - at) / 1_000).toFixed(1)} s ago`;
}

function changesOf(name: string, recent: readonly EventView[]): readonly Evidence[] {
  return recent
    .filter(({ service }) => service === name)
    .slice(-MOST_CHANGES)
    .reverse()
    .map(({ at, from, to, detail }) => ({ label: timeOfDay(at), text: `${from} → ${to}: ${detail}` }));
}

function isTimed(state: ServiceState): boolean {
  return state.name !== 'running';
}

function nextOf(service: Service): string {
  const { state, spec } = service;
  switch (state.name) {
    case 'running':
    case 'exited':
      return 'nothing';
    case 'stopped':
      return isWanted(service) ? 'it is started' : 'nothing, until it is started';
    case 'waiting':
      return `it is started as soon as ${state.for} is no longer in the way`;
    case 'starting':
      return 'it counts as failed unless it is ready';
    case 'stopping':
      return 'SIGKILL to all that is left of it';
    case 'killing':
      return 'SIGKILL again';
    case 'backoff':
      return 'it is started again';
    case 'failed':
      return state.deadline === null
        ? 'nothing, until it is started or its configuration changes'
        : `it is tried once more (retry_failed = ${spec.policy.retryFailed / 1_000} s)`;
  }
}

function commandsFor({ state, spec, lastReason }: Service): readonly string[] {
  const { name } = spec;
  switch (state.name) {
    case 'running':
    case 'stopping':
      return [];
    case 'starting':
    case 'killing':
      return [`opsd ctl logs ${name} -f`];
    case 'waiting':
      return spec.policy.dependsOn.map(({ service }) => `opsd ctl why ${service}`);
    case 'stopped':
    case 'exited':
      return [`opsd ctl start ${name}`];
    case 'backoff':
    case 'failed': {
      const look = [`opsd ctl logs ${name} -n 50`, `opsd ctl restart ${name}`];
      return lastReason === 'spawn_failed' ? ['opsd check', ...look] : look;
    }
  }
}
