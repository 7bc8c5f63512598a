// The interface of the spawners: starts a process and reports its exit. The core decides about time, signals and
// restarts.

import type { SignalName } from '../../core/model/spec.ts';
import type { Child } from '../proc/signals.ts';

export interface ChildSpec {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: number | 'ignore';
  readonly stdout: number | 'ignore' | 'inherit';
  readonly stderr: number | 'ignore' | 'inherit';
  /** Become descriptors 3, 4, … of the child. */
  readonly descriptors: readonly number[];
}

export interface SpawnError {
  /** Name of the errno, or code of a check in Node; empty: unknown. */
  readonly code: string;
  readonly message: string;
}

/** Exactly one of `onError` and `onExit` is called, once, and never within the call of `spawn`. */
export interface ExitCallbacks {
  onError(error: SpawnError): void;
  /** The child is dead and holds its PID until this call returns; `onExit` follows. Not called where Node reaps. */
  onDeath?(): void;
  /**
   * The child was reaped in this moment: the kernel may reuse its PID from now on. Both null: how it ended is unknown.
   */
  onExit(code: number | null, signal: SignalName | null): void;
}

/** When disposed, a spawner calls nobody back and leaves every process alone. */
export interface Spawner extends Disposable {
  /**
   * Starts a process in a session and process group of its own, with default signal handlers and no descriptors but
   * those named. null: it failed, and `onError` follows.
   */
  spawn(spec: ChildSpec, callbacks: ExitCallbacks): Child | null;
  /** Reaps a dead child of opsd that this spawner did not start; null: it cannot. */
  readonly reapOrphan: ((pid: number) => void) | null;
}
