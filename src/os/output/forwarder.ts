// Forwards one service's output to syslog or the journal, through a program: logger(1) or systemd-cat(1).

import { type ChildProcess, spawn } from 'node:child_process';
import type { Millis } from '../../core/model/spec.ts';
import type { Fifo } from '../fifo/fifo.ts';
import type { Shared } from './capture.ts';
import { FifoReader } from './fifo-reader.ts';

/** Pause before a program that ended is started again; the service waits at its FIFO meanwhile. */
const PAUSE: Millis = 1_000;
/** A program that ends by itself within that time of its start does not work here: there is no socket that it writes to. */
const PROOF: Millis = 2_000;
/** Bytes of its last words. */
const MOST_SAID = 1_024;

/** The program and arguments that forward the lines of a service. */
type ForwarderProgram = (service: string) => readonly [string, ...string[]];

export const PROGRAMS: Readonly<Record<'syslog' | 'journal', ForwarderProgram>> = {
  // Without --socket-errors logger ends with 0 when nobody takes what it sends; without --size it cuts lines at 1 KiB.
  syslog: (service) => ['logger', '--socket-errors=on', '--size', '64KiB', '--tag', service],
  // A service cannot choose the priority: a line that begins with `<0>`, which may come from a stranger, would be shown
  // on all terminals.
  journal: (service) => ['systemd-cat', `--identifier=${service}`, '--level-prefix=false'],
};

/**
 * Runs the program as long as opsd lives. It ends when its input ends, so a killed opsd leaves none behind, and later
 * output waits in the FIFO for the next opsd. A program that ends is started again; while it cannot do its work, output is
 * dropped and counted, so that the service does not wait for it.
 */
export class Forwarder implements Disposable {
  readonly #service: string;
  readonly #reader: FifoReader;
  readonly #command: readonly [string, ...string[]];
  readonly #shared: Shared;
  #program: ChildProcess | null = null;
  /** Bytes that were given to a program that has not proved yet that it works; null: it has. */
  #unproved: number | null = null;
  /** Why it did not work, as was told; null: it works. */
  #told: string | null = null;
  /** The program cannot be started: output is dropped until then. */
  #givenUpUntil: Millis | null = null;
  #isWaiting = false;
  #isOver = false;
  #endsWithNewline = true;

  constructor(service: string, fifo: Fifo, command: readonly [string, ...string[]], shared: Shared) {
    this.#service = service;
    this.#command = command;
    this.#shared = shared;
    this.#reader = new FifoReader(fifo, shared, () => this.#read());
  }

  get tail(): Buffer {
    return this.#reader.tail;
  }

  /** Opens the FIFO for a child; the caller closes the descriptor. */
  openForChild(): number {
    return this.#reader.openForChild();
  }

  #read(): number {
    if (this.#isWaiting || this.#reader.isAbandoned) return 0;
    const isDropping = this.#givenUpUntil !== null && this.#shared.clock.now() < this.#givenUpUntil;
    const program = isDropping ? null : this.#start();
    return this.#reader.read((bytes) => {
      if (program) this.#give(program, bytes);
      else this.#shared.onDropped(this.#service, bytes.length);
    });
  }

  /** null: the program cannot be started; the log says why. */
  #start(): ChildProcess | null {
    if (this.#program) return this.#program;
    let program: ChildProcess;
    try {
      // Run as the service's user: the journal records the user of the writer.
      const [file, ...args] = this.#shared.commandAs(this.#reader.uid, this.#command);
      program = spawn(file, args, {
        cwd: '/',
        // A session of its own: Ctrl-C for opsd must not end the program before the last lines came.
        detached: true,
        stdio: ['pipe', 'ignore', 'pipe'],
        env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin' },
      });
    } catch (error) {
      this.#giveUp(error);
      return null;
    }
    program.stdin?.on('error', () => {});
    program.once('error', (error) => this.#giveUp(error));
    // An `error` event follows.
    if (program.pid === undefined) return null;
    this.#program = program;
    this.#unproved = 0;
    program.unref();
    let said = '';
    program.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-MOST_SAID);
    });
    void this.#shared.clock.after(PROOF).then(() => this.#prove(program));
    // `close`: its last words have come.
    program.once('close', (code, signal) => this.#onEnd(code, signal, said));
    return program;
  }

  #prove(program: ChildProcess): void {
    if (this.#program !== program || this.#unproved === null) return;
    this.#shared.onBytes(this.#service, this.#unproved);
    this.#unproved = null;
    if (this.#told !== null)
      this.#shared.log.info('the log program of a service works again', { service: this.#service });
    this.#told = null;
  }

  #onEnd(code: number | null, signal: string | null, said: string): void {
    const unproved = this.#unproved;
    this.#program = null;
    this.#unproved = null;
    if (unproved !== null && code !== 0 && code !== null) {
      this.#shared.onDropped(this.#service, unproved);
      if (!this.#isOver) this.#giveUp(said.trim().split('\n').at(-1) || `it ended with exit code ${code}`);
      return;
    }
    if (unproved !== null) this.#shared.onBytes(this.#service, unproved);
    if (this.#isOver) return;
    this.#shared.log.warn('the log program of a service exited; restarting it', {
      service: this.#service,
      program: this.#command[0],
      why: said.trim().split('\n').at(-1) || (signal ?? `exit code ${code}`),
    });
    this.#pause();
    void this.#shared.clock.after(PAUSE).then(() => this.#resume());
  }

  #giveUp(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (this.#told !== why) {
      const message = 'the log program of a service does not work; its output is dropped until it does';
      this.#shared.log.error(message, { service: this.#service, program: this.#command[0], why });
    }
    this.#told = why;
    this.#givenUpUntil = this.#shared.clock.now() + this.#shared.retryEvery;
    this.#program = null;
    this.#resume();
  }

  #give(program: ChildProcess, bytes: Buffer): void {
    this.#endsWithNewline = bytes.at(-1) === 0x0a;
    if (this.#unproved === null) this.#shared.onBytes(this.#service, bytes.length);
    else this.#unproved += bytes.length;
    if (program.stdin?.write(bytes) !== false) return;
    this.#pause();
    program.stdin.once('drain', () => this.#resume());
  }

  #pause(): void {
    this.#isWaiting = true;
    this.#reader.pause();
  }

  #resume(): void {
    this.#isWaiting = false;
    if (!this.#isOver) this.#reader.resume();
  }

  /** A generation has ended: forwards all of its output, and a newline after a last line that has none. */
  endGeneration(): void {
    this.#reader.drain(() => this.#read());
    if (this.#program && !this.#endsWithNewline) this.#give(this.#program, Buffer.from('\n'));
  }

  /** Before opsd ends: gives the program all output that waits, then the end of its input. */
  async settle(end: Millis): Promise<void> {
    this.#reader.drain(() => this.#read());
    this.#isOver = true;
    const program = this.#program;
    if (!program) return;
    const isGone = new Promise<void>((resolve) => program.once('close', () => resolve()));
    program.stdin?.end();
    await Promise.race([isGone, this.#shared.clock.after(Math.max(end - this.#shared.clock.now(), 0))]);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#program?.stdin?.destroy();
    this.#program?.stderr?.destroy();
    this.#reader[Symbol.dispose]();
  }
}
