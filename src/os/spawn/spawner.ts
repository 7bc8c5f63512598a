// How a process is started and its end is heard of; the core owns time, signals and what follows.

import type { SignalName } from '../../core/model/spec.ts';
import type { Child } from '../proc/signals.ts';

export interface ChildSpec {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin: number | 'ignore';
  readonly stdout: number | 'ignore' | 'inherit';
  readonly stderr: number | 'ignore' | 'inherit';
  /** What it gets as descriptors 3, 4, … */
  readonly descriptors: readonly number[];
}

export interface SpawnError {
  /** errno name, or that of Node's own check; empty: unknown. */
  readonly code: string;
  readonly message: string;
}

/** One of `onError` and `onExit` is called, once, and never within the call of `spawn`. */
export interface ExitCallbacks {
  onError(error: SpawnError): void;
  /** It is dead and still holds its number, for as long as this call lasts; `onExit` follows. Not told where Node reaps. */
  onDeath?(): void;
  /** The process was reaped in this very moment: its number may be another's from now on. Both null: nobody knows how it ended. */
  onExit(code: number | null, signal: SignalName | null): void;
}

/** Disposed, it tells nothing any more and leaves every process alone. */
export interface Spawner extends Disposable {
  /** In a session and process group of its own, with default signals and no descriptor but those named. null: it failed. */
  spawn(spec: ChildSpec, fate: ExitCallbacks): Child | null;
  /** Fetches a dead child of opsd that nobody here has started; null: it cannot. */
  readonly fetchOrphan: ((pid: number) => void) | null;
}
