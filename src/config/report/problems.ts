// The problems and warnings of a configuration: collected, each once, and printed with their places.

import type { Problem } from '../../errors.ts';
import { escaped } from '../../text/harmless.ts';

/** Where a value stands, as a problem names it. */
export interface Place {
  readonly where: string;
  readonly line: number | null;
  readonly key: string;
  /** The value that stands there must not be shown. */
  readonly isSecret: boolean;
}

/** More are not kept: whoever has a thousand problems has one. */
const MOST_KEPT = 1000;

/** What a look at a configuration found. A problem that several services inherit is in it once. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly #seen = new Set<string>();
  readonly #hidesKeys: boolean;

  /** `hidesKeys`: a file could not be read, and what is missing may be in it. */
  constructor(hidesKeys = false) {
    this.#hidesKeys = hidesKeys;
  }

  problem(place: Omit<Place, 'isSecret'>, message: string): void {
    this.#add(this.problems, place, message);
  }

  /** Something that is not there and has to be, as far as that is known. */
  absence(place: Omit<Place, 'isSecret'>, message: string): void {
    if (!this.#hidesKeys) this.problem(place, message);
  }

  /** Something that works, but probably not as meant. */
  warning(place: Omit<Place, 'isSecret'>, message: string): void {
    this.#add(this.warnings, place, message);
  }

  #add(list: Problem[], { where, line, key }: Omit<Place, 'isSecret'>, message: string): void {
    const identity = JSON.stringify([where, line, key, message]);
    if (this.#seen.has(identity) || list.length >= MOST_KEPT) return;
    this.#seen.add(identity);
    list.push({ where, line, key, message });
  }
}

/** Above the problems that `opsd run` and `opsd check` print. */
export function headlineOf(configFile: string, problems: readonly Problem[]): string {
  return `cannot load ${configFile === '' ? "''" : configFile}: ${counted(problems, 'problem')}`;
}

/** `1 problem`, `2 problems`. */
export function counted({ length }: readonly unknown[], what: string): string {
  return `${length} ${what}${length === 1 ? '' : 's'}`;
}

/** For the log; people get a table. */
export function oneLine({ where, line, key, message }: Problem): string {
  return `${where}${line === null ? '' : `:${line}`}${key === '' ? '' : ` ${key}`}: ${message}`;
}

/** More lines help nobody. */
const MOST_PRINTED = 200;

/** A longer place or key does not push the messages of all others to the right. */
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
