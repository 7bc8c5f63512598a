// The ports, which carry out effects. Every method returns at once; the result is reported as an event.

import type { Event } from '../core/model/events.ts';
import type { Millis, Probe, ServiceSpec, SignalName } from '../core/model/spec.ts';
import type { Step } from '../core/model/states.ts';

export type Report = (event: Event) => void;

/** Identifies a process for good: the kernel uses a PID again, but not with the same start time. */
export interface Identity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: number;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** The processes of services and of their hooks, a tree for each step. Reports `spawned`, `spawn_failed`, `exited`, `tree_exited` and `scan_failed`. */
export interface Processes {
  spawn(service: string, generation: number, spec: ServiceSpec, step: Step): void;
  /** `main`: the main process. `tree`: what is left of its process group. Both are followed by SIGCONT. */
  signal(service: string, generation: number, signal: SignalName, to: 'main' | 'tree', step: Step): void;
  /** SIGKILL to the whole tree, escapees included, until `tree_exited` (or `exited` with `left` 0) was reported. */
  kill(service: string, generation: number, step: Step): void;
}

export interface PidFiles {
  write(service: string, pid: number): void;
  remove(service: string): void;
}

/** Reports `heartbeat_checked`. */
export interface Heartbeats {
  /** A new generation begins: only changes of the file from now on are heartbeats. */
  begin(service: string, generation: number, file: string): void;
  check(service: string, generation: number, file: string): void;
}

/** Reports `probed` exactly once for each probe, after `timeout` at the latest. */
export interface Probes {
  ask(service: string, generation: number, probe: Probe, timeout: Millis): void;
}

/** Where the output of services goes. */
export interface Outputs {
  /** Descriptors for a new process of the service; the caller closes them after the spawn. */
  open(spec: ServiceSpec): {
    readonly stdout: number | 'ignore' | 'inherit';
    readonly stderr: number | 'ignore' | 'inherit';
    close(): void;
  };
  /** No process of the generation lives: its output is read to the end, and its last line is ended. */
  endOfGeneration(service: string): void;
  /** The settings of the service changed; null: it was forgotten. */
  settings(service: string, spec: ServiceSpec | null): void;
}
