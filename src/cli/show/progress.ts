// The progress of a long wait: one line on stderr that names what is waited for and is erased afterwards.

import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { ago } from '../../runtime/wall-time.ts';
import { span } from '../../text/quantities.ts';
import { readStatus } from '../client/api.ts';
import type { Client } from '../client/client.ts';
import type { Terminal } from './terminal.ts';

/** Of a command. */
interface Waiter {
  readonly client: Client;
  readonly terminal: Terminal;
  readonly clock: Clock;
}

/** A shorter wait shows no progress. */
const SILENT: Millis = 1_000;
const MOST_NAMED = 4;
const NARROW = 80;

/** `waiting`: the names of the services that have not finished. Prints nothing where stderr is no terminal. */
export function showProgress(waiter: Waiter, waiting: () => readonly string[]): Disposable {
  const { terminal, clock } = waiter;
  if (!terminal.errIsTty) return { [Symbol.dispose]: () => undefined };
  const since = clock.now();
  let isShown = false;
  let isOver = false;
  const timer = clock.every(SILENT, () => {
    const names = waiting().slice(0, MOST_NAMED);
    describe(waiter, names).then((told) => {
      if (isOver || told === '') return;
      const more = waiting().length - names.length;
      const line = `waiting ${span(clock.now() - since)} for ${told}${more > 0 ? ` and ${more} more` : ''}`;
      isShown = true;
      terminal.err(`\r\u001b[K${line.slice(0, (terminal.columns() ?? NARROW) - 1)}`);
    });
  });
  return {
    [Symbol.dispose]() {
      isOver = true;
      timer[Symbol.dispose]();
      if (isShown) terminal.err('\r\u001b[K');
    },
  };
}

/** `web (stopping 3.2s), db (killing 0.1s)`; only the names where opsd does not answer. */
async function describe({ client, clock }: Waiter, names: readonly string[]): Promise<string> {
  if (names.length === 0) return '';
  try {
    const { services } = await readStatus(client, names);
    return services.map(({ name, state, since }) => `${name} (${state} ${span(ago(since, clock.unix()))})`).join(', ');
  } catch {
    return names.join(', ');
  }
}
