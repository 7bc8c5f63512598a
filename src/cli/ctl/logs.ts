// `opsd ctl logs`: the output of services, up to now or followed.

import type { Millis } from '../../core/model/spec.ts';
import { ConfigError } from '../../errors.ts';
import type { Alarm } from '../../runtime/clock.ts';
import { ago } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { countOf, sinceOf } from '../arguments/limits.ts';
import { readStatus } from '../client/api.ts';
import type { Reply } from '../client/client.ts';
import { rawLinesOf } from '../client/lines.ts';
import { orAborted } from '../client/pause.ts';
import { Unanswered } from '../client/silence.ts';
import type { Ctl, ExitCode } from '../command.ts';
import { type Colour, paint } from '../show/terminal.ts';
import { inOrderOfTime, isTimed, MOST_KEPT, type ShownLine } from './log-lines.ts';

const LINES = 100;
const MOST_LINES = 10_000;
/** opsd allows 64 log streams at once; this leaves a few for other clients. */
const MOST_FOLLOWED = 60;
/** opsd looks at each followed log so often: lines that come within that time are put in order. */
const ROUND: Millis = 300;
const NAME_COLOURS: readonly Colour[] = ['cyan', 'green', 'yellow', 'magenta', 'blue', 'red'];

export async function showLogs(ctl: Ctl): Promise<ExitCode> {
  const { client, operands, options } = ctl;
  const follow = options.follow === true;
  const span = sinceOf(options.since);
  const lines = countOf(options.lines, span === null ? LINES : MOST_LINES, MOST_LINES);
  const { services } = await readStatus(client, operands);
  if (follow && services.length > MOST_FOLLOWED) {
    throw new ConfigError(`at most ${MOST_FOLLOWED} logs can be followed at once, not ${services.length}; name fewer`);
  }
  // opsd compares the times: it knows in which zone it wrote them, and of which year the log is.
  const since = span === null ? '' : `&rotated=true&since=${ctl.clock.unix() - span}`;
  const sources = services.map(({ name }, place) => ({
    name,
    place,
    path: `/api/v1/services/${encodeURIComponent(name)}/log?lines=${lines}&follow=${follow}${since}`,
    isSince: span !== null,
  }));
  const [only] = sources;
  if (only !== undefined && sources.length === 1) {
    await copy(
      ctl,
      only,
      () => {},
      (text) => ctl.terminal.out(shown(ctl, text)),
    );
    return 0;
  }
  using page = new Page(
    ctl,
    sources.map(({ name }) => name),
    follow,
  );
  // A service without a log file must not prevent the logs of the others.
  const read = async (source: LogSource) => {
    try {
      const { place } = source;
      const begin = (reply: Reply) => page.begin(place, reply.header('last-modified') ?? '');
      await copy(ctl, source, begin, (text) => page.add({ source: place, text }));
    } catch (error) {
      if (!(error instanceof Error) || error instanceof Unanswered || error instanceof TooMuch) throw error;
      ctl.terminal.err(`opsd: ${error.message}\n`);
    }
  };
  if (follow) await Promise.all(sources.map(read));
  else for (const source of sources) await read(source);
  page.flush();
  return 0;
}

interface LogSource {
  readonly name: string;
  readonly place: number;
  readonly path: string;
  readonly isSince: boolean;
}

async function copy(
  ctl: Ctl,
  { name, path, isSince }: LogSource,
  begin: (reply: Reply) => void,
  take: (text: string) => void,
): Promise<void> {
  const { client, terminal } = ctl;
  using reply = await client.bytes(path);
  begin(reply);
  if (isSince) hintAtOlderLog(ctl, name, reply);
  const lines = rawLinesOf(reply);
  for (;;) {
    const next = await orAborted(lines.next(), terminal.interrupt);
    if (next === null || next.done) return;
    take(next.value);
  }
}

/** A file or pipe gets the bytes as they are; a terminal gets text without control characters. */
function shown({ terminal }: Ctl, text: string): string | Uint8Array {
  const bytes = Buffer.from(text, 'latin1');
  if (!terminal.outIsTty) return bytes;
  return `${sanitised(bytes.toString().replace(/\n$/, ''))}\n`;
}

class TooMuch extends ConfigError {}

/** The lines of several logs, each with the name of its service in front, in the order of their times. */
class Page implements Disposable {
  readonly #ctl: Ctl;
  readonly #prefixes: readonly string[];
  readonly #alarm: Alarm | null;
  readonly #names: readonly string[];
  readonly #writtenAt: number[];
  #kept: ShownLine[] = [];
  #size = 0;

  /** `isLive`: lines are printed after each round, else when all are there. */
  constructor(ctl: Ctl, names: readonly string[], isLive: boolean) {
    this.#ctl = ctl;
    this.#names = names;
    this.#writtenAt = names.map(() => ctl.clock.unix());
    const width = names.reduce((most, name) => Math.max(most, name.length), 0);
    const colour = (place: number) => NAME_COLOURS[place % NAME_COLOURS.length] ?? null;
    this.#prefixes = names.map((name, place) => `${paint(ctl.terminal, colour(place), name.padEnd(width))} | `);
    this.#alarm = isLive ? ctl.clock.alarm(() => this.flush()) : null;
  }

  /** `lastModified`: when the last line that is there was written; empty: none is. */
  begin(source: number, lastModified: string): void {
    const now = this.#ctl.clock.unix();
    const past = ago(lastModified, now);
    if (!Number.isNaN(past)) this.#writtenAt[source] = now - past;
  }

  add(line: ShownLine): void {
    if (this.#kept.length === 0) this.#alarm?.set(ROUND);
    this.#kept.push(line);
    this.#size += line.text.length;
    if (this.#size <= MOST_KEPT) return;
    if (this.#alarm === null) throw new TooMuch('the logs are too large to be put in order; name fewer services');
    this.flush();
  }

  flush(): void {
    const { terminal } = this.#ctl;
    if (this.#alarm === null) this.#tellOfUntimed();
    const lines = inOrderOfTime(this.#kept, this.#writtenAt).map(({ source, text }) => {
      const prefix = this.#prefixes[source] ?? '';
      return terminal.outIsTty ? `${prefix}${shown(this.#ctl, text)}` : `${prefix}${text.replace(/\n?$/, '\n')}`;
    });
    if (lines.length > 0) terminal.out(terminal.outIsTty ? lines.join('') : Buffer.from(lines.join(''), 'latin1'));
    this.#kept = [];
    this.#size = 0;
  }

  /** Says whose lines cannot be put in order, where others can. */
  #tellOfUntimed(): void {
    const timed = new Set(this.#kept.filter(isTimed).map(({ source }) => source));
    const untimed = new Set(this.#kept.map(({ source }) => source)).difference(timed);
    if (timed.size === 0) return;
    for (const source of untimed) {
      const remedy = 'set log.timestamps = true for it';
      this.#ctl.terminal.err(`opsd: the lines of ${this.#names[source]} have no times and come first; ${remedy}\n`);
    }
  }

  [Symbol.dispose](): void {
    this.#alarm?.[Symbol.dispose]();
  }
}

/** opsd reads the log and the file rotated last; older files are mostly compressed, so only their path is shown. */
function hintAtOlderLog({ terminal }: Ctl, name: string, reply: Reply): void {
  const older = reply.header('x-opsd-older');
  if (older === null) return;
  terminal.err(`opsd: the log of ${name} goes further back: zless ${sanitised(decodeURI(older))}\n`);
}
