// The services as an aligned table that is never wider than the terminal.

import type { ServiceView, StatusView } from '../../api/services.ts';
import { ago } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { percent, size, span } from '../../text/quantities.ts';
import { COLOURS, type StateWord, stateWord } from './state-word.ts';
import { paint } from './terminal.ts';

interface Column {
  readonly title: string;
  readonly isRight: boolean;
  /** On a narrow terminal columns are left out, the smallest worth first; null: never. */
  readonly worth: number | null;
  /** `now`: Unix milliseconds. */
  text(service: ServiceView, now: number): string;
}

const NONE = '-';
const GAP = '  ';
/** A note is shortened to this length before columns are left out. */
const SHORTEST_NOTE = 24;
/** Lines of a note below its service. */
const MOST_LINES = 4;
const INDENT = '    ';

const STATE = 'STATE';
const COLUMNS: readonly Column[] = [
  { title: 'NAME', isRight: false, worth: null, text: ({ name }) => name },
  { title: STATE, isRight: false, worth: null, text: stateWord },
  { title: 'PID', isRight: true, worth: 5, text: ({ pid }) => orNone(pid, String) },
  {
    title: 'UPTIME',
    isRight: true,
    worth: 6,
    text: ({ started_at }, now) => orNone(started_at, (at) => span(ago(at, now))),
  },
  { title: 'RESTARTS', isRight: true, worth: 4, text: ({ restarts }) => String(restarts) },
  { title: 'CPU', isRight: true, worth: 2, text: ({ cpu_ratio }) => orNone(cpu_ratio, percent) },
  { title: 'MEMORY', isRight: true, worth: 3, text: ({ memory_bytes }) => orNone(memory_bytes, size) },
  {
    title: 'LAST BEAT',
    isRight: true,
    worth: 1,
    text: ({ heartbeat_age_seconds: age }) => orNone(age, (seconds) => `${span(seconds * 1000)} ago`),
  },
];

interface TableLayout {
  /** The width of the terminal; null: unlimited. */
  readonly columns: number | null;
  readonly hasColours: boolean;
  /** Unix milliseconds. */
  readonly now: number;
}

/** A column with its text for every service, so that each text is made only once. */
interface FilledColumn extends Column {
  readonly cells: readonly string[];
  readonly width: number;
}

/** The whole table; it ends with a line break. */
export function statusTable({ services }: StatusView, look: TableLayout): string {
  const notes = services.map((service) => noteOf(service, look.now));
  const filled = COLUMNS.map((column): FilledColumn => {
    const cells = services.map((service) => column.text(service, look.now));
    return { ...column, cells, width: cells.reduce((most, { length }) => Math.max(most, length), column.title.length) };
  });
  const columns = look.columns === null ? filled : fitting(filled, notes, look.columns);
  const room = look.columns === null ? Number.POSITIVE_INFINITY : look.columns - totalWidth(columns);
  const lines = [
    paint(
      look,
      'bold',
      columns
        .map((column) => align(column, column.title))
        .join(GAP)
        .trimEnd(),
    ),
  ];
  for (const [row, service] of services.entries()) {
    const cells = columns.map((column) => {
      const text = align(column, column.cells[row] ?? '');
      return column.title === STATE ? paint(look, COLOURS[stateWord(service, look.now)], text) : text;
    });
    const [note = '', ...more] = wrapped(notes[row] ?? '', room, (look.columns ?? 0) - INDENT.length);
    lines.push(note === '' ? cells.join(GAP).trimEnd() : `${cells.join(GAP)}${GAP}${paint(look, 'dim', note)}`);
    for (const text of more) lines.push(`${INDENT}${paint(look, 'dim', text)}`);
  }
  return `${lines.join('\n')}\n`;
}

/** `opsd 0.1.0, pid 12, up 3d 4h: 5 services, 4 running, 1 failed` */
export function statusSummary({ daemon, services }: StatusView, now: number): string {
  const counts = new Map<StateWord, number>();
  for (const service of services) {
    const word = stateWord(service, now);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const told = [...counts].sort(([, a], [, b]) => b - a).map(([state, count]) => `${count} ${state}`);
  const all = `${services.length} ${services.length === 1 ? 'service' : 'services'}`;
  return `opsd ${daemon.version}, pid ${daemon.pid}, up ${span(ago(daemon.started_at, now))}: ${[all, ...told].join(', ')}`;
}

/** The note behind a service: its reason or next attempt, or what is unusual about a running one. */
export function noteOf(service: ServiceView, now: number): string {
  const { state, reason, adopted, rollout, healthy, last_probe_failure: no, next_attempt_at: next } = service;
  if (state === 'running') {
    const unstable = stateWord(service, now) === 'unstable' ? unstableNote(service, now) : null;
    const health = healthy === false ? `unhealthy: ${no ?? 'its health probe fails'}` : null;
    return sanitised(health ?? unstable ?? rollout?.detail ?? (adopted ? 'adopted' : ''));
  }
  const inMillis = next === null ? null : -ago(next, now);
  const what = state === 'backoff' || state === 'failed' ? 'next try' : 'next run';
  const then = inMillis === null || Number.isNaN(inMillis) ? '' : `; ${what} in ${span(inMillis)}`;
  return sanitised(`${reason}${then}`).replace(/\s+/g, ' ');
}

function unstableNote({ failures_in_a_row: failures, unstable_until: until }: ServiceView, now: number): string {
  const before = failures === 0 ? 'failed before' : failures === 1 ? '1 failure' : `${failures} failures in a row`;
  return `${before}; stable in ${span(until === null ? 0 : -ago(until, now))}`;
}

function fitting(all: readonly FilledColumn[], notes: readonly string[], limit: number): readonly FilledColumn[] {
  const longest = notes.reduce((most, note) => Math.max(most, note.length), 0);
  const note = Math.min(longest, SHORTEST_NOTE);
  let columns = all;
  while (totalWidth(columns) + note > limit) {
    const [least] = columns.filter(({ worth }) => worth !== null).sort((a, b) => (a.worth ?? 0) - (b.worth ?? 0));
    if (least === undefined) break;
    columns = columns.filter((column) => column !== least);
  }
  return columns;
}

/** The width of the columns, with a gap behind each. */
function totalWidth(columns: readonly FilledColumn[]): number {
  return columns.reduce((sum, { width }) => sum + width + GAP.length, 0);
}

function align({ isRight, width }: FilledColumn, text: string): string {
  return isRight ? text.padStart(width) : text.padEnd(width);
}

/**
 * The lines of a note: behind the columns, and below them what does not fit there. The cause of a failure is not what a
 * narrow terminal gives up.
 */
function wrapped(note: string, room: number, below: number): readonly string[] {
  if (note.length <= room || below < SHORTEST_NOTE) return [cut(note, room)];
  // Few letters behind the columns are worth less than the whole note below them.
  const isBeside = room >= SHORTEST_NOTE / 2;
  const lines = isBeside ? [] : [''];
  for (let rest = note; rest !== ''; ) {
    const width = isBeside && lines.length === 0 ? room : below;
    if (lines.length > MOST_LINES || rest.length <= width) return [...lines, cut(rest, width)];
    const blank = rest.lastIndexOf(' ', width);
    const end = blank > width / 2 ? blank : width;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return lines;
}

function cut(text: string, room: number): string {
  if (text.length <= room) return text;
  return room < 2 ? '' : `${text.slice(0, room - 1)}…`;
}

function orNone<T>(value: T | null, word: (value: T) => string): string {
  return value === null ? NONE : word(value);
}
