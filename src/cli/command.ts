// The client, terminal and options that every ctl command gets, and its exit codes.

import type { Clock } from '../runtime/clock.ts';
import type { Parsed } from './arguments/commands.ts';
import type { Client } from './client/client.ts';
import type { Terminal } from './show/terminal.ts';

/** 0: success. 1: configuration or usage error. 2: runtime error. */
export type ExitCode = 0 | 1 | 2;

export interface Ctl {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly operands: readonly string[];
  readonly options: Parsed['options'];
}
