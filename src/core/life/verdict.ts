// How the end of a run is judged: success, failure, or a failure that trying again cannot cure.

import type { Policy, ServiceSpec } from '../model/spec.ts';
import type { Exit, Verdict } from '../model/state.ts';
import type { Step } from '../model/states.ts';

/** "exit code 1", "killed by SIGSEGV": for people. */
export function describeExit(exit: Exit): string {
  if (exit.oom) return 'killed by the kernel: out of memory';
  if (exit.signal !== null) return `killed by ${exit.signal}`;
  if (exit.code !== null) return `exit code ${exit.code}`;
  return 'exit code unknown: the service was adopted from an earlier opsd, and only the parent of a process gets its exit code';
}

/** Judges an exit that nobody asked for. `refusal`: why the command could not be executed at all. */
export function judge(exit: Exit, policy: Policy, refusal?: string): Verdict {
  if (refusal !== undefined) return { kind: 'host', reason: 'host_problem', detail: refusal };
  const detail = describeExit(exit);
  if (exit.oom) return { kind: 'failure', reason: 'oom', detail };
  const end = exit.signal ?? exit.code;
  if (end === null) return { kind: 'failure', reason: 'unknown_exit', detail };
  if (policy.successExitCodes.includes(end)) return { kind: 'success', reason: 'success', detail, left: 0 };
  if (policy.fatalExitCodes.includes(end)) {
    return {
      kind: 'permanent',
      reason: 'fatal_exit_code',
      detail: `${detail}, which fatal_exit_codes says not to retry`,
    };
  }
  return { kind: 'failure', reason: exit.signal === null ? 'exit_code' : 'signal', detail };
}

/** The verdict on a process that could not be spawned. */
export function ofFailedSpawn(kind: Exclude<Verdict['kind'], 'success'>, detail: string): Verdict {
  return { kind, reason: kind === 'host' ? 'host_problem' : 'spawn_failed', detail };
}

/** The hook for people, without arguments: a password may be among them. */
export function describeHook({ policy }: ServiceSpec, step: Step): string {
  const hook = step === 'before_start' ? policy.beforeStart : policy.afterStop;
  return hook === null ? step : `${step} (${hook.command[0]})`;
}
