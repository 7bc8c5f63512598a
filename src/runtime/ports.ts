// What the loop needs of the outside world. Every method returns at once; what comes of it is reported as an event.

import type { Event } from '../core/model/events.ts';
import type { Millis, Probe, ServiceSpec, SignalName } from '../core/model/spec.ts';
import type { Step } from '../core/model/states.ts';

export type Report = (event: Event) => void;

/** Who a process is, beyond its number: a PID is used again, this is not. */
export interface Identity {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: number;
  /** /proc/sys/kernel/random/boot_id. */
  readonly bootId: string;
}

/** The processes of services and of their hooks, a tree for each step. Reports `spawned`, `spawn_failed`, `exited` and `emptied`. */
export interface Processes {
  spawn(service: string, generation: number, spec: ServiceSpec, step: Step): void;
  /** `main`: the main process. `tree`: what is left of its process group. Both are followed by SIGCONT. */
  signal(service: string, generation: number, signal: SignalName, to: 'main' | 'tree', step: Step): void;
  /** SIGKILL to the whole tree, escapees included, until `emptied` (or `exited` with nothing left) was reported. */
  kill(service: string, generation: number, step: Step): void;
}

export interface PidFiles {
  write(service: string, pid: number): void;
  remove(service: string): void;
}

/** Reports `looked`. */
export interface Heartbeats {
  /** Takes the file as it is now for old: only later changes are beats. */
  begin(service: string, generation: number, file: string): void;
  look(service: string, generation: number, file: string): void;
}

/** Reports `probed`, exactly once for each question, after `timeout` at the latest. */
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
  /** No process of the generation lives: what it wrote is taken in, and its last line is ended. */
  endOfGeneration(service: string): void;
  /** Settings changed, or the service is gone (null). */
  settings(service: string, spec: ServiceSpec | null): void;
}
