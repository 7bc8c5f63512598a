// The views of the core's state for the API and the metrics.

import type { ServiceMetrics } from '../../api/metrics.ts';
import type { RunView, ServiceView } from '../../api/services.ts';
import { failuresNow, isWanted, stableAt, unstableUntil } from '../../core/life/transition.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Service, ServiceState, State } from '../../core/model/state.ts';
import type { RolloutNote } from '../../core/rollout/note.ts';
import type { JobRecord } from '../../os/files/job-history.ts';
import type { ProcessUsage } from '../../os/proc/usage.ts';
import type { Clock } from '../../runtime/clock.ts';
import { dateOf } from '../../runtime/wall-time.ts';
import { numberOfSignal } from '../../text/signals.ts';
import { formatDuration } from '../../text/units.ts';
import type { Counters } from './counters.ts';
import { isoOrNull, viewExit } from './event-history.ts';

export interface OutputCounts {
  readonly bytes: number;
  readonly dropped: number;
}

/** Facts of a service that the core does not know. */
interface ServiceFacts {
  readonly usage: ProcessUsage | undefined;
  /** Next run of a job, Unix milliseconds. */
  readonly nextRun: number | null;
  readonly job: JobRecord | null;
  readonly isMemoryHeld: boolean;
  readonly rollout: RolloutNote | null;
  /** The service that this one waits for; null: none. */
  readonly awaited: Service | null;
}

export function viewService(
  service: Service,
  { usage, nextRun, job, isMemoryHeld, rollout, awaited }: ServiceFacts,
  clock: Clock,
): ServiceView {
  const { state, spec } = service;
  const run = runOf(state);
  const nextAttempt = state.name === 'backoff' || state.name === 'failed' ? state.deadline : null;
  return {
    name: spec.name,
    state: state.name,
    pid: run?.pid ?? null,
    generation: service.generation,
    restarts: service.restarts,
    failures_in_a_row: failuresNow(service, clock.now()),
    since: clock.wallAt(service.since).toISOString(),
    started_at: isoOrNull(run?.startedAt ?? null, clock),
    exit: viewExit(service.lastExit),
    reason: awaited === null ? service.lastDetail : awaitedText(awaited, clock.now()),
    next_attempt_at:
      nextAttempt === null && nextRun !== null && isWanted(service)
        ? dateOf(nextRun).toISOString()
        : isoOrNull(nextAttempt, clock),
    heartbeat_age_seconds: heartbeatAge(service, clock.now()),
    cpu_ratio: usage?.cpuRatio ?? null,
    memory_bytes: usage?.memoryBytes ?? null,
    adopted: run?.isAdopted ?? false,
    tags: spec.policy.tags,
    memory_limit: memoryLimit(service, isMemoryHeld),
    last_run: job === null ? null : viewRun(job, clock.unix()),
    rollout,
    healthy: run?.check.isHealthy ?? null,
    last_probe_failure: run?.check.lastFailure ?? null,
    unstable_until: isoOrNull(unstableUntil(service, clock.now()), clock),
    completed: isDone(service),
    stable_at: isoOrNull(run === null ? null : stableAt(service, run), clock),
  };
}

/** The reason in the words of the core, and how long the awaited service has been in its state. */
function awaitedText({ spec, state, since }: Service, now: Millis): string {
  return `waits for ${spec.name} (${state.name}, ${formatDuration(Math.floor((now - since) / 1_000) * 1_000)})`;
}

export function measureService(
  service: Service,
  usage: ProcessUsage | undefined,
  tally: Counters,
  output: OutputCounts,
  job: JobRecord | null,
  clock: Clock,
): ServiceMetrics {
  const { state, spec } = service;
  const run = runOf(state);
  return {
    name: spec.name,
    state: state.name,
    ...tally.of(spec.name),
    started_at_seconds: run === null ? null : clock.wallAt(run.startedAt).getTime() / 1_000,
    last_exit_code: lastExitCode(service),
    failures_in_a_row: failuresNow(service, clock.now()),
    heartbeat_age_seconds: heartbeatAge(service, clock.now()),
    heartbeat_timeout_seconds: spec.policy.heartbeat === null ? null : spec.policy.heartbeat.timeout / 1_000,
    cpu_ratio: usage?.cpuRatio ?? null,
    cpu_seconds: usage?.cpuSeconds ?? 0,
    memory_bytes: usage?.memoryBytes ?? null,
    memory_limit_bytes: spec.launch.limits.memory,
    healthy: run?.check.isHealthy ?? null,
    probe_failures_in_a_row: run !== null && spec.policy.health !== null ? run.check.failures : null,
    log_bytes: output.bytes,
    log_dropped_bytes: output.dropped,
    job_last_success_seconds: job?.succeededAt == null ? null : job.succeededAt / 1_000,
    job_last_duration_seconds: job?.took == null ? null : job.took / 1_000,
    job_last_run_successful: job?.lastEndAt == null ? null : job.lastEndAt === job.succeededAt,
  };
}

function memoryLimit({ spec }: Service, isHeld: boolean): ServiceView['memory_limit'] {
  const bytes = spec.launch.limits.memory;
  return bytes === null ? null : { bytes, held_by: isHeld ? 'cgroup' : 'restart' };
}

function viewRun({ startedAt, endedAt, succeededAt }: JobRecord, unix: number): RunView | null {
  if (startedAt === null) return null;
  return {
    started_at: dateOf(startedAt).toISOString(),
    ended_at: endedAt === null ? null : dateOf(endedAt).toISOString(),
    duration_seconds: ((endedAt ?? unix) - startedAt) / 1_000,
    result: endedAt === null ? 'running' : endedAt === succeededAt ? 'success' : 'failure',
  };
}

/**
 * Services whose desired state is up and which do not run; those that are done, and jobs between two times, do not
 * count.
 */
export function notUp(state: State): readonly string[] {
  return state.services
    .filter((service) => isWanted(service) && service.state.name !== 'running' && !isDone(service) && !isTimed(service))
    .map(({ spec }) => spec.name);
}

/** Number of services by state in one line: `3 running, 1 backoff`. */
export function countStates(state: State): string {
  const counts = new Map<string, number>();
  for (const service of state.services) counts.set(service.state.name, (counts.get(service.state.name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} ${name}`).join(', ') || 'no services';
}

function runOf(state: ServiceState) {
  return 'run' in state ? state.run : null;
}

/** A job between two times counts as ready, unless it has failed. */
function isTimed({ spec, state }: Service): boolean {
  return spec.policy.schedule !== null && state.name !== 'failed';
}

function isDone(service: Service): boolean {
  return service.state.name === 'exited' && service.lastReason === 'success';
}

function heartbeatAge(service: Service, now: Millis): number | null {
  const at: Millis | null = runOf(service.state)?.beat.at ?? null;
  return at === null ? null : (now - at) / 1_000;
}

/** Like a shell: 128 + the number of the signal that killed the process. */
function lastExitCode({ lastExit }: Service): number | null {
  if (lastExit === null) return null;
  if (lastExit.signal === null) return lastExit.code;
  return 128 + (numberOfSignal(lastExit.signal) ?? 0);
}
