// What one service says it wrote, against what is in its log: every line once, in order, unless something excuses it.

import { GrowingFile } from './growing-file.ts';
import { lives } from './processes.ts';
import { Violation } from './record.ts';

/** One process that writes lines. */
interface Writer {
  readonly key: string;
  /** Of its last line in the journal. */
  said: number;
  /** Of the first line of its last write: a kill may come between journal and write. */
  lastWrite: number;
  /** Of its last line in the log. */
  logged: number;
  /** Lines up to here may be missing. */
  excused: number;
  /** Bytes of each line that is not in the log yet. */
  readonly owed: number[];
  isMain: boolean;
  /** All that it said it has written. */
  hasEnded: boolean;
}

export interface Main {
  readonly key: string;
  readonly generation: number;
  readonly revision: number;
  /** Seconds since boot. */
  readonly bornAt: number;
  /** null: it did not end by itself, or lives. */
  exitCode: number | null;
}

/** As service.sh prints it; where two were glued together, the last one. */
const LINE = /[Ll] (\S+) (\d+) (\d+\.\d+) (\d+) (?:work|beat|flood(?: flood){5})$/;
const STAMP = /^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d\.\d{3} /;
const LOST = /^(?:\S+ +\d+ \S+ )?opsd: (\d+) bytes of output were lost here \((.*)\)$/;

export class Transcript implements Disposable {
  readonly service: string;
  readonly log: GrowingFile;
  readonly #journal: GrowingFile;
  readonly #writers = new Map<string, Writer>();
  readonly #isCaptured: boolean;
  /** Bytes that opsd says it lost and that no missing line accounts for yet. */
  #lostBytes = 0;
  /** A part of a line in the log, which only a full disk explains. */
  #fragment: string | null = null;
  /** Parts of lines may be there: opsd was killed while the disk was full. */
  isTorn = false;
  #main: Main | null = null;
  births = 0;
  checked = 0;
  missing = 0;
  dropped = 0;

  constructor(service: string, journal: string, log: string, isCaptured: boolean) {
    this.service = service;
    this.#journal = new GrowingFile(journal);
    this.log = new GrowingFile(log);
    this.#isCaptured = isCaptured;
  }

  /** The main process that was born last. */
  get main(): Main | null {
    return this.#main;
  }

  /** Reads on. `isAlive` tells whether a process lived a moment ago. Throws Violation. */
  read(isAlive: (key: string) => boolean): void {
    const dead = [...this.#writers.keys()].filter((key) => key !== this.#main?.key && !isAlive(key));
    // The log first: what is in it was in the journal before.
    const logged = this.log.lines();
    for (const line of this.#journal.lines()) this.#hear(line);
    if (this.#isCaptured) for (const line of logged) this.#see(line);
    for (const key of dead) if (this.#writers.get(key)?.owed.length === 0) this.#writers.delete(key);
  }

  #hear(line: string): void {
    const [time, letter, ...words] = line.split(' ');
    const at = Number(time);
    if (letter === 'B') return this.#born(at, words);
    const isEnd = letter === 'E';
    const [generation, key = '', number] = isEnd ? words : words.slice(1);
    const writer = this.#writers.get(key);
    if (writer === undefined) throw new Error(`the journal of ${this.service} makes no sense: ${line}`);
    this.#isInTime(at, Number(generation), writer, line);
    if (isEnd) {
      writer.hasEnded = true;
      if (this.#main?.key === key) this.#main.exitCode = Number(number);
      return;
    }
    writer.said += 1;
    if (writer.said !== Number(number)) throw new Error(`the journal of ${this.service} has a gap: ${line}`);
    if (letter === 'L') writer.lastWrite = writer.said;
    if (this.#isCaptured) writer.owed.push(line.length - line.indexOf(' '));
  }

  #born(at: number, [generation, key = '', role, revision]: readonly string[]): void {
    const isMain = role === 'main';
    this.#writers.set(key, {
      key,
      said: 0,
      lastWrite: 0,
      logged: 0,
      excused: 0,
      owed: [],
      isMain,
      hasEnded: false,
    });
    if (!isMain) return;
    const before = this.#main;
    // As of this moment: what a look saw alive a moment ago may have ended before the new one was born.
    if (before && lives(before.key)) {
      throw new Violation(
        `${this.service} runs twice: the main process ${key} of generation ${generation} was born at ${at} s, and ${before.key} of generation ${before.generation}, born at ${before.bornAt} s, still lives`,
      );
    }
    this.#main = { key, generation: Number(generation), revision: Number(revision), bornAt: at, exitCode: null };
    this.births += 1;
  }

  /** Nobody of an older generation is heard of once a new one was born. */
  #isInTime(at: number, generation: number, writer: Writer, line: string): void {
    const main = this.#main;
    if (main === null || at <= main.bornAt || writer.key === main.key) return;
    if (!writer.isMain && generation === main.generation) return;
    throw new Violation(
      `${this.service}: generation ${main.generation} (${main.key}) was born at ${main.bornAt} s, and afterwards ${writer.key} of generation ${generation} still wrote: ${line}`,
    );
  }

  #see(line: string): void {
    const text = line.replace(STAMP, '');
    const [found, service, , key = '', number] = LINE.exec(text) ?? [];
    const loss = LOST.exec(line);
    if (loss) {
      this.#lostBytes += Number(loss[1]) + (this.#fragment === null ? 0 : this.#fragment.length + 1);
      this.#fragment = null;
      return;
    }
    if (this.#fragment !== null && !this.isTorn) {
      throw new Violation(`the log of ${this.service} has a part of a line: ${JSON.stringify(this.#fragment)}`);
    }
    this.#fragment = found === text ? null : text;
    if (found === undefined || (found !== text && !this.isTorn)) return;
    const writer = this.#writers.get(key);
    const seen = Number(number);
    if (service !== this.service || writer === undefined || seen > writer.said) {
      throw new Violation(`the log of ${this.service} has a line that nobody wrote: ${line}`);
    }
    if (seen <= writer.logged) {
      throw new Violation(
        `the log of ${this.service} has a line twice or out of order, after line ${writer.logged} of ${key}: ${line}`,
      );
    }
    this.#skip(writer, seen - 1);
    writer.owed.shift();
    writer.logged = seen;
    this.checked += 1;
  }

  /** Lines up to `last` are not in the log. */
  #skip(writer: Writer, last: number): void {
    const from = writer.logged + 1;
    while (writer.logged < last) {
      const bytes = writer.owed.shift() ?? 0;
      writer.logged += 1;
      if (writer.logged <= writer.excused) {
        this.missing += 1;
        continue;
      }
      if (this.#lostBytes < bytes) {
        throw new Violation(
          `the log of ${this.service} lacks lines ${from} to ${last} of ${writer.key}, and nothing accounts for line ${writer.logged}`,
        );
      }
      this.#lostBytes -= bytes;
      this.dropped += 1;
    }
  }

  /** All that those of whom `isMeant` is true have said up to now may be missing. True: some of it is not in the log. */
  excuse(isMeant: (key: string) => boolean): boolean {
    let isMissing = false;
    for (const writer of this.#writers.values()) {
      if (!isMeant(writer.key)) continue;
      writer.excused = writer.said;
      isMissing ||= writer.owed.length > 0;
    }
    return isMissing;
  }

  /** Who has lines that must be in the log, up to which. */
  owing(): ReadonlyMap<string, number> {
    const owing = new Map<string, number>();
    if (!this.#isCaptured) return owing;
    for (const [key, writer] of this.#writers) {
      const due = writer.hasEnded ? writer.said : writer.lastWrite - 1;
      if (due > writer.logged && due > writer.excused) owing.set(key, due);
    }
    return owing;
  }

  /** Is what was owed then in the log by now, or accounted for? */
  isSettled(owed: ReadonlyMap<string, number>): boolean {
    let missing = 0;
    for (const [key, due] of owed) {
      const writer = this.#writers.get(key);
      if (writer === undefined || writer.logged >= due || writer.excused >= due) continue;
      missing += writer.owed.slice(0, due - writer.logged).reduce((sum, bytes) => sum + bytes, 0);
    }
    return missing <= this.#lostBytes;
  }

  /** For a message: whose lines are missing. */
  describe(owed: ReadonlyMap<string, number>): string {
    const lacking = [...owed].filter(([key, due]) => (this.#writers.get(key)?.logged ?? 0) < due);
    const told = lacking.map(([key, due]) => `${(this.#writers.get(key)?.logged ?? 0) + 1} to ${due} of ${key}`);
    return `${this.service}: lines ${told.slice(0, 5).join(', ')}`;
  }

  /** After the last line. Throws Violation. */
  finish(): void {
    if (this.#fragment === null || this.isTorn) return;
    throw new Violation(`the log of ${this.service} ends with a part of a line: ${JSON.stringify(this.#fragment)}`);
  }

  [Symbol.dispose](): void {
    this.#journal[Symbol.dispose]();
    this.log[Symbol.dispose]();
  }
}
