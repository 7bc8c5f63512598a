// Plays systemd: starts opsd, and the next one whenever one has ended, after a random short pause.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import type { Arena } from './arena.ts';
import type { Chance } from './chance.ts';
import { catches } from './processes.ts';
import { type Record, Violation } from './record.ts';

const ENDING: ReadonlySet<string> = new Set(['SIGKILL', 'SIGTERM', 'SIGUSR2']);
const PROGRAM = resolve(import.meta.dirname, '../../src/main.ts');
const LONGEST_PAUSE_MS = 700;
const LONG_PAUSE_MS = 5_000;

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** Signals that asked it to end. */
  readonly asked: ReadonlySet<string>;
}

export interface Moments {
  /** An opsd has ended; nobody is there. */
  ended(ending: Ending): void;
  /** The next one is about to be started. */
  starting(): void;
  /** Is this exit code to be expected: of a broken configuration, of a full disk? */
  isExcused(code: number): boolean;
}

export class Systemd {
  readonly #arena: Arena;
  readonly #chance: Chance;
  readonly #record: Record;
  readonly #moments: Moments;
  #child: ChildProcess | null = null;
  #asked = new Set<string>();
  #isStopping = false;
  #isCalm = false;
  #timer: NodeJS.Timeout | null = null;
  startedAt = 0;

  constructor(arena: Arena, chance: Chance, record: Record, moments: Moments) {
    this.#arena = arena;
    this.#chance = chance;
    this.#record = record;
    this.#moments = moments;
  }

  /** null: none is there at this moment. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  start(): void {
    this.#timer = null;
    this.#moments.starting();
    const log = openSync(this.#arena.daemonLog, 'a');
    writeSync(log, `---- ${this.#record.elapsed.toFixed(2)} s: opsd starts\n`);
    const child = this.spawn(log);
    closeSync(log);
    this.#child = child;
    this.#asked = new Set();
    this.startedAt = performance.now();
    this.#record.count('starts of opsd');
    this.#record.note(`opsd ${child.pid} starts`);
    child.once('exit', (code, signal) => this.#ended({ code, signal, asked: this.#asked }));
  }

  spawn(output: number | 'pipe'): ChildProcess {
    return spawn(process.execPath, [PROGRAM, 'run', '--config', this.#arena.config], {
      cwd: this.#arena.path,
      env: { PATH: process.env.PATH, PREFIX: this.#arena.disk, NO_COLOR: '1' },
      stdio: ['ignore', output, output],
      // A session of its own: what a terminal sends to this test is not for opsd.
      detached: true,
    });
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#child === null) return;
    if (ENDING.has(signal)) this.#asked.add(signal);
    this.#record.note(`${signal} to opsd ${this.#child.pid}`);
    this.#record.count(`${signal} to opsd`);
    this.#child.kill(signal);
  }

  /** It was asked to end and has not yet. */
  get isEnding(): boolean {
    return this.#asked.size > 0;
  }

  /** It has got so far that it obeys signals: before that they just end it. */
  get isListening(): boolean {
    return this.#child?.pid !== undefined && catches(this.#child.pid, constants.signals.SIGUSR2);
  }

  /** Calm: the next one is started at once. */
  set isCalm(isCalm: boolean) {
    this.#isCalm = isCalm;
    if (!isCalm || this.#timer === null) return;
    clearTimeout(this.#timer);
    this.start();
  }

  /** Starts no further one. */
  stop(): void {
    this.#isStopping = true;
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #ended(ending: Ending): void {
    const { code, signal } = ending;
    this.#record.note(`opsd ${this.#child?.pid} has ended: ${signal ?? `exit code ${code}`}`);
    this.#child = null;
    const isFine = signal === null ? code === 0 && this.#asked.size > 0 : this.#asked.has(signal);
    if (!isFine && !(code !== null && this.#moments.isExcused(code))) {
      const asked = [...this.#asked].join(', ') || 'nothing';
      this.#record.fail(
        new Violation(`opsd ended with ${signal ?? `exit code ${code}`} after ${asked} was sent to it`),
      );
    }
    this.#try(() => this.#moments.ended(ending));
    if (this.#isStopping) return;
    const isLong = this.#chance.is(0.06);
    const pause = this.#isCalm ? 0 : this.#chance.between(0, isLong ? LONG_PAUSE_MS : LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => this.#try(() => this.start()), pause);
  }

  #try(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#record.fail(error);
    }
  }
}
