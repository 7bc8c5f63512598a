// The progress of a long wait: one line on stderr that names what is waited for and is erased afterwards.

import type { Millis } from '../../core/model/spec.ts';
import { ago, every, monotonic } from '../../runtime/clock.ts';
import { span } from '../../text/quantities.ts';
import { readStatus } from '../client/api.ts';
import type { Client } from '../client/client.ts';
import type { Terminal } from './terminal.ts';

/** A shorter wait shows no progress. */
const SILENT: Millis = 1_000;
const MOST_NAMED = 4;
const NARROW = 80;

/** `waiting`: the names of the services that have not finished. Prints nothing where stderr is no terminal. */
export function showProgress(client: Client, terminal: Terminal, waiting: () => readonly string[]): Disposable {
  if (!terminal.errIsTty) return { [Symbol.dispose]: () => undefined };
  const since = monotonic();
  let isShown = false;
  let isOver = false;
  const clock = every(SILENT, () => {
    const names = waiting().slice(0, MOST_NAMED);
    describe(client, names).then((told) => {
      if (isOver || told === '') return;
      const more = waiting().length - names.length;
      const line = `waiting ${span(monotonic() - since)} for ${told}${more > 0 ? ` and ${more} more` : ''}`;
      isShown = true;
      terminal.err(`\r\u001b[K${line.slice(0, (terminal.columns() ?? NARROW) - 1)}`);
    });
  });
  return {
    [Symbol.dispose]() {
      isOver = true;
      clock[Symbol.dispose]();
      if (isShown) terminal.err('\r\u001b[K');
    },
  };
}

/** `web (stopping 3.2s), db (killing 0.1s)`; only the names where opsd does not answer. */
async function describe(client: Client, names: readonly string[]): Promise<string> {
  if (names.length === 0) return '';
  try {
    const { services } = await readStatus(client, names);
    return services.map(({ name, state, since }) => `${name} (${state} ${span(ago(since))})`).join(', ');
  } catch {
    return names.join(', ');
  }
}
