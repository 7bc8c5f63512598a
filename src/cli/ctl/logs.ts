// `opsd ctl logs`: the output of services, up to now or followed.

import type { Millis } from '../../core/model/spec.ts';
import { ConfigError } from '../../errors.ts';
import { agoOfStamp } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { countOf, sinceOf } from '../arguments/limits.ts';
import { readStatus } from '../client/api.ts';
import type { Reply } from '../client/client.ts';
import { linesOf } from '../client/lines.ts';
import { orAborted } from '../client/pause.ts';
import { Unanswered } from '../client/silence.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { type Colour, paint } from '../show/terminal.ts';

const LINES = 100;
const MOST_LINES = 10_000;
/** opsd allows 64 log streams at once; this leaves a few for other clients. */
const MOST_FOLLOWED = 60;
/** The length of a timestamp in front of a line. */
const STAMP = 'Nov 23 16:10:00.123'.length;
const NAME_COLOURS: readonly Colour[] = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red'];

export async function showLogs(ctl: Ctl): Promise<ExitCode> {
  const { client, operands, options } = ctl;
  const follow = options.follow === true;
  const since = sinceOf(options.since);
  const lines = countOf(options.lines, since === null ? LINES : MOST_LINES, MOST_LINES);
  const { services } = await readStatus(client, operands);
  if (follow && services.length > MOST_FOLLOWED) {
    throw new ConfigError(`at most ${MOST_FOLLOWED} logs can be followed at once, not ${services.length}; name fewer`);
  }
  const width = services.reduce((most, { name }) => Math.max(most, name.length), 0);
  const sources = services.map(({ name }, place) => ({
    name,
    since,
    path: `/api/v1/services/${encodeURIComponent(name)}/log?lines=${lines}&follow=${follow}&rotated=${since !== null}`,
    prefix: services.length === 1 ? '' : prefixOf(ctl, name.padEnd(width), place),
    // A service without a log file must not prevent the logs of the others.
    isOptional: services.length > 1,
  }));
  if (follow) await Promise.all(sources.map((source) => copy(ctl, source)));
  else for (const source of sources) await copy(ctl, source);
  return 0;
}

interface Source {
  readonly name: string;
  /** Only lines of this time; null: all lines. */
  readonly since: Millis | null;
  readonly path: string;
  readonly prefix: string;
  readonly isOptional: boolean;
}

async function copy(ctl: Ctl, { name, since, path, prefix, isOptional }: Source): Promise<void> {
  const { client, terminal, clock } = ctl;
  try {
    if (since !== null) await assertStamped(ctl, name);
    let isOld = since !== null;
    let read = 0;
    using reply = await client.stream('GET', path);
    const lines = linesOf(reply);
    for (;;) {
      const next = await orAborted(lines.next(), terminal.interrupt);
      if (isOld && read === 0 && next?.done) hintAtOlderLog(ctl, name, reply);
      if (next === null || next.done) return;
      // All lines behind the first one that is new enough are newer, with or without a timestamp.
      if (isOld && agoOf(next.value, clock.unix()) <= (since ?? 0)) {
        // The first line is within --since already: an older file may have more.
        if (read === 0) hintAtOlderLog(ctl, name, reply);
        isOld = false;
      }
      read += 1;
      if (isOld) continue;
      // A file or pipe gets the bytes as they are; a terminal gets them without control characters.
      terminal.out(`${prefix}${terminal.outIsTty ? sanitised(next.value) : next.value}\n`);
    }
  } catch (error) {
    if (!isOptional || !(error instanceof Error) || error instanceof Unanswered) throw error;
    terminal.err(`opsd: ${error.message}\n`);
  }
}

/** opsd reads the log and the file rotated last; older files are mostly compressed, so only their path is shown. */
function hintAtOlderLog({ terminal }: Ctl, name: string, reply: Reply): void {
  const older = reply.header('x-opsd-older');
  if (older === null) return;
  terminal.err(`opsd: the log of ${name} goes further back: zless ${sanitised(decodeURI(older))}\n`);
}

/** Refuses --since for a log whose lines have no timestamps. */
async function assertStamped({ client, clock }: Ctl, name: string): Promise<void> {
  using reply = await client.stream('GET', `/api/v1/services/${encodeURIComponent(name)}/log?lines=1&rotated=true`);
  const last = await linesOf(reply).next();
  if (last.done || !Number.isNaN(agoOf(last.value, clock.unix()))) return;
  const remedy = `set log.timestamps = true for it and reload, or use -n`;
  throw new ConfigError(`--since: the lines of the log of ${name} have no timestamps; ${remedy}`);
}

/** NaN: the line has no timestamp in front. */
function agoOf(line: string, now: number): Millis {
  return agoOfStamp(line.slice(0, STAMP), now);
}

function prefixOf({ terminal }: Ctl, name: string, place: number): string {
  return `${paint(terminal, NAME_COLOURS[place % NAME_COLOURS.length] ?? null, name)} | `;
}
