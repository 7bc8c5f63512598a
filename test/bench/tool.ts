// What the benchmark asks of a supervisor, whichever it is.

import type { ChildProcess } from 'node:child_process';
import type { Child } from './child.ts';

/** What is to be supervised. */
export interface Work {
  /** A folder for all runs, gone after the last of them. */
  readonly home: string;
  readonly child: Child;
  readonly count: number;
  /** What each child is told to do after it has told its start. */
  readonly task: readonly string[];
  /** Lines for each service of opsd. */
  readonly opsd?: string;
  /** Lines for one of them, by its number. */
  readonly opsdOf?: (index: number) => string;
  /** Where opsd shows its page; nowhere if not given. */
  readonly http?: string;
}

/** A supervisor that can be measured here. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  /** Starts it in an empty folder; resolves as soon as its first process is spawned. */
  launch(folder: string, work: Work): Promise<Launched>;
}

export interface Launched {
  /** When it was spawned, as `now` counts. */
  readonly at: number;
  /** PID of the daemon; waits for it where the tool detaches itself. */
  pid(): Promise<number>;
  /** The command that prints the state of all services. */
  status(): Promise<void>;
  /** The log that the output of a service ends up in. */
  log(service: string): string;
  /** What to look at when it does not work. */
  output(): string;
  /** Ends what else was started to launch it. */
  end?(): void;
}

export function nameOf(index: number): string {
  return `s${String(index).padStart(4, '0')}`;
}

export function namesOf({ count }: Work): string[] {
  return Array.from({ length: count }, (_, index) => nameOf(index));
}

export function commandOf({ child, task }: Work, folder: string, name: string): string[] {
  return [...child.command, `${folder}/clocks`, name, ...task];
}

export function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('the supervisor could not be spawned');
  return pid;
}
