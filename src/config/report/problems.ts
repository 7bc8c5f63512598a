// Collects the problems and warnings of a configuration, each once, and prints them with their places.

import type { HostProblem, Problem } from '../../errors.ts';
import { escaped } from '../../text/harmless.ts';

/** The place of a value: file or variable, 1-based line if there is one, key path (`services.web.command`). */
export interface Place {
  readonly where: string;
  readonly line: number | null;
  readonly key: string;
  /** The value at this place must not be shown. */
  readonly isSecret: boolean;
}

/** More problems or warnings are dropped. */
const MOST_KEPT = 1000;

/** What was found while a configuration was read. A problem that several services inherit is kept once. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  /** What this host lacks at the moment. */
  readonly hostProblems: HostProblem[] = [];
  /** Services that cannot start on this host, each with the first reason. */
  readonly hindrances = new Map<string, string>();
  readonly #seen = new Set<string>();
  readonly #hidesKeys: boolean;

  /** `hidesKeys`: a file could not be read, and missing keys may be in it. */
  constructor(hidesKeys = false) {
    this.#hidesKeys = hidesKeys;
  }

  problem(place: Omit<Place, 'isSecret'>, message: string): void {
    this.#add(this.problems, place, message);
  }

  /** Reports what this host lacks. `service`: the one that cannot start, by its spec's name; null: opsd can do less. */
  host(place: Omit<Place, 'isSecret'>, message: string, service: string | null): void {
    if (service !== null && !this.hindrances.has(service)) this.hindrances.set(service, message);
    if (this.#isNew(this.hostProblems, place, message)) this.hostProblems.push(hostProblem(place, message, false));
  }

  /** Reports what this host lacks and opsd cannot do without. */
  fatal(place: Omit<Place, 'isSecret'>, message: string): void {
    if (this.#isNew(this.hostProblems, place, message)) this.hostProblems.push(hostProblem(place, message, true));
  }

  /** Reports a missing key, unless it may be in a file that could not be read. */
  absence(place: Omit<Place, 'isSecret'>, message: string): void {
    if (!this.#hidesKeys) this.problem(place, message);
  }

  /** Reports a value that works, but probably not as meant. */
  warning(place: Omit<Place, 'isSecret'>, message: string): void {
    this.#add(this.warnings, place, message);
  }

  #add(list: Problem[], place: Omit<Place, 'isSecret'>, message: string): void {
    const { where, line, key } = place;
    if (this.#isNew(list, place, message)) list.push({ where, line, key, message });
  }

  /** Notes the finding; false: it was noted before, or the list is full. */
  #isNew(list: readonly Problem[], { where, line, key }: Omit<Place, 'isSecret'>, message: string): boolean {
    const identity = JSON.stringify([where, line, key, message]);
    if (this.#seen.has(identity) || list.length >= MOST_KEPT) return false;
    this.#seen.add(identity);
    return true;
  }
}

function hostProblem({ where, line, key }: Omit<Place, 'isSecret'>, message: string, isFatal: boolean): HostProblem {
  return { where, line, key, message, isFatal };
}

/** The problems that refuse a configuration. `isStrict`: all that is wrong with the host, not only what opsd cannot do without. */
export function refusalOf(
  read: { readonly hostProblems: readonly HostProblem[] } & (
    | { readonly ok: true }
    | { readonly ok: false; readonly problems: readonly Problem[] }
  ),
  isStrict: boolean,
): readonly Problem[] {
  const ofHost = read.hostProblems.filter(({ isFatal }) => isFatal || isStrict);
  return read.ok ? ofHost : [...read.problems, ...ofHost];
}

/** The line above the problems that `opsd run` and `opsd check` print. */
export function headlineOf(configFile: string, problems: readonly Problem[]): string {
  return `cannot load ${configFile === '' ? "''" : configFile}: ${counted(problems, 'problem')}`;
}

/** `1 problem`, `2 problems`. */
export function counted({ length }: readonly unknown[], what: string): string {
  return `${length} ${what}${length === 1 ? '' : 's'}`;
}

/** One problem as a line for the log. */
export function oneLine({ where, line, key, message }: Problem): string {
  return `${where}${line === null ? '' : `:${line}`}${key === '' ? '' : ` ${key}`}: ${message}`;
}

/** More problems are counted, not printed. */
const MOST_PRINTED = 200;

/** Longer places and keys do not count for the width of their column. */
const WIDEST_COLUMN = 48;

/**
 * One line a problem, `file:line  key  message`, aligned, indented by two, in the order of the files and lines;
 * no line break at the end. Empty for no problems.
 */
export function formatProblems(problems: readonly Problem[]): string {
  const rows = inOrder(problems)
    .slice(0, MOST_PRINTED)
    .map(({ where, line, key, message }) => {
      const place = line === null ? where : `${where}:${line}`;
      return { place: escaped(place), key: escaped(key), message: escaped(message) };
    });
  const placeWidth = widest(rows.map(({ place }) => place));
  const keyWidth = widest(rows.map(({ key }) => key));
  const lines = rows.map(({ place, key, message }) => {
    const columns = keyWidth === 0 ? [] : [key.padEnd(keyWidth)];
    return `  ${[place.padEnd(placeWidth), ...columns, message].join('  ')}`;
  });
  const left = problems.length - rows.length;
  if (left > 0) lines.push(`  … and ${left} more`);
  return lines.join('\n');
}

/** Files in the order in which they first appear, the lines of each from top to bottom. */
function inOrder(problems: readonly Problem[]): readonly Problem[] {
  const files = new Map<string, Problem[]>();
  for (const problem of problems) {
    const same = files.get(problem.where);
    if (same === undefined) files.set(problem.where, [problem]);
    else same.push(problem);
  }
  return [...files.values()].flatMap((same) => same.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
}

function widest(texts: readonly string[]): number {
  return texts.reduce((width, { length }) => (length > WIDEST_COLUMN ? width : Math.max(width, length)), 0);
}
