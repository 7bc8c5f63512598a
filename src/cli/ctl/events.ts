// `opsd ctl events`: transitions as they happen.

import type { EventView } from '../../api/events.ts';
import { timeOfDay } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { configuredName } from '../../text/instance-name.ts';
import { countOf } from '../arguments/limits.ts';
import { parseAnswer } from '../client/answer.ts';
import { readStatus } from '../client/api.ts';
import { serverEventsOf } from '../client/lines.ts';
import { orAborted } from '../client/pause.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { COLOURS } from '../show/state-word.ts';
import { paint } from '../show/terminal.ts';

const LINES = 10;
/** opsd keeps no more events. */
const MOST_LINES = 1_000;

export async function showEvents(ctl: Ctl): Promise<ExitCode> {
  const { client, terminal, options } = ctl;
  const isWanted = await wantedOf(ctl);
  const back = countOf(options.lines, LINES, MOST_LINES);
  const kept = ((await client.get('/api/v1/events/recent')) as { events: readonly EventView[] }).events;
  const wanted = kept.filter(isWanted);
  const shown = wanted.slice(wanted.length - Math.min(back, wanted.length));
  const names = new NameColumn(shown);
  for (const event of shown) printEvent(ctl, names, event);
  if (options['no-follow'] === true) return 0;
  using reply = await client.stream('GET', `/api/v1/events?since=${kept.at(-1)?.id ?? 0}`);
  const events = serverEventsOf(reply);
  for (;;) {
    const next = await orAborted(events.next(), terminal.interrupt);
    if (next === null) return 0;
    if (next.done) {
      terminal.err('opsd: opsd has ended\n');
      return 2;
    }
    const { event, data } = next.value;
    if (event === 'state') {
      const change = parseAnswer(data, client.socketPath) as EventView;
      if (isWanted(change)) printEvent(ctl, names, change);
    } else if (event === 'gap') terminal.err(`opsd: some events were missed: ${sanitised(data)}\n`);
  }
}

/** Events of the named services, and of instances that are added to a named group later. */
async function wantedOf({ client, operands }: Ctl): Promise<(event: EventView) => boolean> {
  if (operands.length === 0) return () => true;
  const names = new Set((await readStatus(client, operands)).services.map(({ name }) => name));
  const groups = new Set(operands);
  return ({ service }) => names.has(service) || groups.has(configuredName(service));
}

/** The column of names, as wide as the longest name so far; later events may widen it. */
class NameColumn {
  #width = 0;

  constructor(events: readonly EventView[]) {
    for (const { service } of events) this.pad(service);
  }

  pad(name: string): string {
    this.#width = Math.max(this.#width, name.length);
    return name.padEnd(this.#width);
  }
}

/** The width of the longest name of a state. */
const WIDEST = Object.keys(COLOURS).reduce((most, { length }) => Math.max(most, length), 0);

function printEvent({ terminal, options }: Ctl, names: NameColumn, event: EventView): void {
  if (options.json === true) {
    terminal.out(`${JSON.stringify(event)}\n`);
    return;
  }
  const time = paint(terminal, 'dim', timeOfDay(event.at));
  const to = paint(terminal, COLOURS[event.to], event.to.padEnd(WIDEST));
  const name = names.pad(event.service);
  terminal.out(`${time}  ${name}  ${event.from.padEnd(WIDEST)} → ${to}  ${sanitised(event.detail)}\n`);
}
