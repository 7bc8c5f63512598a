// The states of a service and the reasons for a change of state: both are bounded sets, and this is the only list of them.

export const STATES = [
  'stopped',
  'waiting',
  'starting',
  'running',
  'stopping',
  'killing',
  'backoff',
  'failed',
  'exited',
] as const;

export type StateName = (typeof STATES)[number];

/** Why a state changed, as a label of metrics and a field of events; the detail beside it is for people. */
export const REASONS = [
  'boot',
  'operator',
  'configuration',
  'dependency',
  'schedule',
  'run_timeout',
  'memory_limit',
  'hung_opsd',
  'ready',
  'backoff',
  'retry',
  'exit_code',
  'signal',
  'success',
  'ended_early',
  'fatal_exit_code',
  'spawn_failed',
  'host_problem',
  'readiness_timeout',
  'heartbeat_lost',
  'unhealthy',
  'leftovers',
  'oom',
  'unknown_exit',
  'too_many_failures',
  'stop_timeout',
  'unkillable',
  'shutdown',
  'removed',
  'adopted',
] as const;

export type Reason = (typeof REASONS)[number];

const LIVE: ReadonlySet<StateName> = new Set(['starting', 'running', 'stopping', 'killing']);
const RESTING: ReadonlySet<StateName> = new Set(['stopped', 'failed', 'exited']);

/** Whether a service in this state has a run: processes of it live, or may live. */
export function isLiveState(name: StateName): boolean {
  return LIVE.has(name);
}

/** Whether a service leaves this state only by a command, a configuration, a schedule or `retry_failed`. */
export function isRestingState(name: StateName): boolean {
  return RESTING.has(name);
}

/** What runs of a generation at a moment: a hook, the main process, the other hook. Each has a process tree of its own. */
export type Step = 'before_start' | 'main' | 'after_stop';
