// `opsd ctl scale`: sets the number of instances of a service, or shows it.

import type { EventView } from '../../api/events.ts';
import type { ScaleResult } from '../../api/reload.ts';
import type { StateName } from '../../core/model/states.ts';
import { ConfigError, RuntimeError } from '../../errors.ts';
import { sanitised } from '../../text/harmless.ts';
import { groupOfInstance } from '../../text/instance-name.ts';
import { span } from '../../text/quantities.ts';
import { timeoutOf } from '../arguments/limits.ts';
import { parseAnswer } from '../client/answer.ts';
import { readStatus } from '../client/api.ts';
import { serverEventsOf } from '../client/lines.ts';
import { orAborted } from '../client/pause.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { driftOf, plural } from '../show/drift.ts';
import { showProgress } from '../show/progress.ts';
import { paint } from '../show/terminal.ts';

type Scaled = ScaleResult & { readonly ok: true };

export async function scale(ctl: Ctl): Promise<ExitCode> {
  const { client, operands, options } = ctl;
  const [service, given] = operands;
  if (given !== undefined && options.reset === true) {
    throw new ConfigError(`--reset means the number in the file: leave out ${given}, or --reset`);
  }
  if (service === undefined || (given === undefined && options.reset !== true)) return list(ctl, service);
  const instances = given === undefined || given === 'file' ? null : countOf(given);
  // Subscribe before the command: a transition in between is then seen twice instead of never.
  using reply = await client.stream('GET', '/api/v1/events');
  const path = `/api/v1/services/${encodeURIComponent(service)}/scale`;
  const result = (await client.post(path, { instances })) as Scaled;
  printResult(ctl, result);
  if (options['no-wait'] === true) return 0;
  return await waitFor(ctl, result, serverEventsOf(reply));
}

function countOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ConfigError(
    `expected a number of instances such as 6, or 'file' for the number in the file, got '${text}'`,
  );
}

function printResult({ terminal, options }: Ctl, { group, before, added, removed }: Scaled): void {
  if (options.json === true) {
    terminal.out(`${JSON.stringify({ version: 1, group, before, added, removed }, null, 2)}\n`);
    return;
  }
  const { name, instances } = group;
  if (before === instances) terminal.out(`${name} has ${instances} ${plural(instances)} already\n`);
  for (const line of driftOf([group])) terminal.out(`${paint(terminal, 'dim', line)}\n`);
}

/** Waits until the added instances have started or failed, and the removed ones are stopped. */
async function waitFor(
  ctl: Ctl,
  { added, removed }: Scaled,
  events: ReturnType<typeof serverEventsOf>,
): Promise<ExitCode> {
  const { client, terminal, clock, options } = ctl;
  const timeout = timeoutOf(options.timeout);
  const late = new AbortController();
  using alarm = clock.alarm(() => late.abort());
  alarm.set(timeout);
  const aborted = AbortSignal.any([terminal.interrupt, late.signal]);
  const { services } = await readStatus(client, []);
  const known = new Map(services.map(({ name, state, reason }) => [name, { state, reason }]));
  const pending = new Map<string, 'added' | 'removed'>();
  for (const name of added) pending.set(name, 'added');
  for (const name of removed) pending.set(name, 'removed');
  let failed = 0;
  const look = (name: string, state: StateName | null, reason: string) => {
    const kind = pending.get(name);
    if (kind === undefined || !isAtRest(kind, state)) return;
    pending.delete(name);
    const isUp = kind === 'removed' || (state !== 'backoff' && state !== 'failed' && state !== null);
    if (!isUp) failed++;
    const text = `${name} is ${kind === 'removed' || state === null ? 'gone' : state}`;
    if (options.json === true && isUp) return;
    if (isUp) terminal.out(`${paint(terminal, 'green', text)}\n`);
    else terminal.err(`${terminal.errIsTty ? paint(terminal, 'red', text) : text}: ${sanitised(reason)}\n`);
  };
  for (const name of [...pending.keys()]) look(name, known.get(name)?.state ?? null, known.get(name)?.reason ?? '');
  using _progress = showProgress(ctl, () => [...pending.keys()]);
  while (pending.size > 0) {
    const next = await orAborted(events.next(), aborted);
    const left = [...pending.keys()].slice(0, 10).join(', ');
    if (next === null) {
      const why = terminal.interrupt.aborted ? 'no longer waiting' : `timed out after ${span(timeout)}`;
      throw new RuntimeError(`${why}: ${left}; opsd carries on with the command; see: opsd ctl status`);
    }
    if (next.done) throw new RuntimeError(`opsd ended before the command was finished for: ${left}`);
    if (next.value.event !== 'state') continue;
    const { service, to, detail } = parseAnswer(next.value.data, client.socketPath) as EventView;
    look(service, to, detail);
  }
  return failed === 0 ? 0 : 2;
}

/** `state`: null when the instance no longer exists. */
function isAtRest(kind: 'added' | 'removed', state: StateName | null): boolean {
  if (kind === 'removed') return state === null || state === 'stopped';
  return state !== 'starting' && state !== 'waiting' && state !== 'stopping' && state !== 'killing';
}

async function list({ client, terminal, options }: Ctl, service: string | undefined): Promise<ExitCode> {
  const { groups, services } = await readStatus(client, service === undefined ? [] : [service]);
  if (options.json === true) {
    terminal.out(`${JSON.stringify({ version: 1, groups }, null, 2)}\n`);
    return 0;
  }
  if (groups.length === 0) {
    const which = service === undefined ? 'no service has' : `${service} has no`;
    terminal.out(`${which} instances; add instances = 2 to ${service ?? 'one of them'} in the configuration\n`);
    return 0;
  }
  const width = groups.reduce((most, { name }) => Math.max(most, name.length), 0);
  for (const group of groups) {
    const { name, instances } = group;
    const up = services.filter((one) => one.state === 'running' && groupOfInstance(one.name) === name).length;
    const [drift = ''] = driftOf([group]).map((line) => line.slice(line.indexOf(', ')));
    terminal.out(`${name.padEnd(width)}  ${instances} ${plural(instances)}, ${up} running${drift}\n`);
  }
  return 0;
}
