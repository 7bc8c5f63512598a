// `opsd ctl wait`: returns when services are in a state.

import type { EventView } from '../../api/events.ts';
import type { StateName } from '../../core/model/states.ts';
import { ConfigError, RuntimeError } from '../../errors.ts';
import { span } from '../../text/quantities.ts';
import { timeoutOf } from '../arguments/limits.ts';
import { parseAnswer } from '../client/answer.ts';
import { readStatus } from '../client/api.ts';
import { serverEventsOf } from '../client/lines.ts';
import { orAborted } from '../client/pause.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { showProgress } from '../show/progress.ts';
import { COLOURS } from '../show/state-word.ts';

export async function waitFor(ctl: Ctl): Promise<ExitCode> {
  const { client, terminal, clock, operands, options } = ctl;
  const wanted = stateOf(options.for);
  const timeout = timeoutOf(options.timeout);
  const late = new AbortController();
  using alarm = clock.alarm(() => late.abort());
  alarm.set(timeout);
  // Subscribe before reading the status: a transition in between is then seen twice instead of never.
  using reply = await client.stream('GET', '/api/v1/events');
  const states = new Map<string, StateName>();
  for (const { name, state } of (await readStatus(client, operands)).services) states.set(name, state);
  const missing = () => [...states].filter(([, state]) => state !== wanted).map(([name]) => name);
  using _progress = showProgress(ctl, missing);
  const events = serverEventsOf(reply);
  const aborted = AbortSignal.any([terminal.interrupt, late.signal]);
  while (missing().length > 0) {
    const next = await orAborted(events.next(), aborted);
    if (next === null) {
      const told = missing().map((name) => `${name} (${states.get(name)})`);
      const why = terminal.interrupt.aborted ? 'no longer waiting' : `not ${wanted} after ${span(timeout)}`;
      throw new RuntimeError(`${why}: ${told.slice(0, 10).join(', ')}; ask: opsd ctl why ${missing()[0]}`);
    }
    if (next.done) throw new RuntimeError(`opsd ended before these were ${wanted}: ${missing().join(', ')}`);
    if (next.value.event !== 'state') continue;
    const { service, to } = parseAnswer(next.value.data, client.socketPath) as EventView;
    if (states.has(service)) states.set(service, to);
  }
  return 0;
}

function stateOf(value: string | boolean | undefined): StateName {
  const text = typeof value === 'string' ? value : 'running';
  const states = Object.keys(COLOURS) as StateName[];
  const known = states.find((state) => state === text);
  if (known !== undefined) return known;
  throw new ConfigError(`--for: expected one of ${states.join(', ')}, got '${text}'`);
}
