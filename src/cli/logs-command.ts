// `opsd ctl logs`: what services wrote, and go on writing.

import { ConfigError } from '../errors.ts';
import type { Ctl, ExitCode } from './ctl.ts';
import { countOf } from './limits.ts';
import { linesOf } from './lines.ts';
import { orEnough } from './pause.ts';
import { readStatus } from './status-command.ts';
import { type Colour, paint, sanitise } from './terminal.ts';

const LINES = 100;
const MOST_LINES = 10_000;
/** opsd reads no more logs at once. */
const MOST_FOLLOWED = 60;
const NAME_COLOURS: readonly Colour[] = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red'];

export async function showLogs(ctl: Ctl): Promise<ExitCode> {
  const { client, operands, options } = ctl;
  const follow = options.follow === true;
  const lines = countOf(options.lines, LINES, MOST_LINES);
  const { services } = await readStatus({ client, operands });
  if (follow && services.length > MOST_FOLLOWED) {
    throw new ConfigError(`at most ${MOST_FOLLOWED} logs can be followed at once, not ${services.length}; name some`);
  }
  const width = services.reduce((most, { name }) => Math.max(most, name.length), 0);
  const sources = services.map(({ name }, place) => ({
    path: `/api/v1/services/${encodeURIComponent(name)}/log?lines=${lines}&follow=${follow}`,
    prefix: services.length === 1 ? '' : prefixOf(ctl, name.padEnd(width), place),
    // One that logs elsewhere is no reason not to show the others.
    isOptional: services.length > 1,
  }));
  if (follow) await Promise.all(sources.map((source) => copy(ctl, source)));
  else for (const source of sources) await copy(ctl, source);
  return 0;
}

interface Source {
  readonly path: string;
  readonly prefix: string;
  readonly isOptional: boolean;
}

async function copy({ client, terminal }: Ctl, { path, prefix, isOptional }: Source): Promise<void> {
  try {
    using reply = await client.stream('GET', path);
    const lines = linesOf(reply);
    for (;;) {
      const next = await orEnough(lines.next(), terminal.enough);
      if (next === null || next.done) return;
      // A file gets what was written, a person at a terminal what cannot harm it.
      terminal.out(`${prefix}${terminal.outIsTty ? sanitise(next.value) : next.value}\n`);
    }
  } catch (error) {
    if (!isOptional || !(error instanceof Error)) throw error;
    terminal.err(`opsd: ${error.message}\n`);
  }
}

function prefixOf({ terminal }: Ctl, name: string, place: number): string {
  return `${paint(terminal, NAME_COLOURS[place % NAME_COLOURS.length] ?? null, name)} | `;
}
