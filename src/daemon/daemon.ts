// The composition root: builds the daemon in stages, and takes it apart again in the opposite order.

import { type HostOptions, openHost } from './host.ts';
import { inherit } from './inheritance.ts';
import { buildMachine } from './machine.ts';
import { serve } from './serve.ts';
import type { SignalCommands } from './signals.ts';
import { supervise } from './supervise.ts';

interface DaemonOptions extends HostOptions {
  /** Heard from the very start; obeyed as soon as there is something to obey with. */
  readonly orders: SignalCommands;
  /** Stops what an earlier opsd left, and ends. */
  readonly stopsAll: boolean;
}

/** Supervises until it is told to stop or to hand over; gives the exit code. Throws ConfigError and RuntimeError. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  // What the stages open is closed in the opposite order: the log after the lock, the servers first.
  await using stack = new AsyncDisposableStack();
  const { orders, stopsAll } = options;
  const { promise: over, resolve: end } = Promise.withResolvers<number>();
  const host = await openHost(options, stack);
  const inheritance = inherit(host, stack);
  const machine = await buildMachine(host, inheritance, stack);
  const supervision = supervise(host, inheritance, machine, end, stack);
  await serve({ host, inheritance, machine, supervision }, { orders, stopsAll }, stack);
  return await over;
}
