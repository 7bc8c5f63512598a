// Forwards one service's output to syslog or the journal, through a program: logger(1) or systemd-cat(1).

import { type ChildProcess, spawn } from 'node:child_process';
import type { Millis } from '../../core/model/spec.ts';

import type { Fifo } from '../fifo/fifo.ts';
import type { Watch } from '../fifo/poller.ts';
import type { Shared } from './capture.ts';

const CHUNK = 65_536;
const chunk = Buffer.allocUnsafeSlow(CHUNK);
/** Bytes kept for `ctl why`. */
const SHOWN = 4_096;
/** Pause before a program that ended is started again; the service waits at its FIFO meanwhile. */
const PAUSE: Millis = 1_000;
/** Bytes that are read of what a generation left in its FIFO. */
const MOST_LEFT = 4 << 20;

/** The program and arguments that forward the lines of a service. */
type ForwarderProgram = (service: string) => readonly [string, ...string[]];

export const PROGRAMS: Readonly<Record<'syslog' | 'journal', ForwarderProgram>> = {
  syslog: (service) => ['logger', '--tag', service],
  // A service cannot choose the priority: a line that begins with `<0>`, which may come from a stranger, would be shown
  // on all terminals.
  journal: (service) => ['systemd-cat', `--identifier=${service}`, '--level-prefix=false'],
};

/**
 * Runs the program as long as opsd lives. It ends when its input ends, so a killed opsd leaves none behind, and later
 * output waits in the FIFO for the next opsd. A program that ends is started again.
 */
export class Forwarder implements Disposable {
  readonly #service: string;
  readonly #fifo: Fifo;
  readonly #command: readonly [string, ...string[]];
  readonly #shared: Shared;
  readonly #watch: Watch;
  #program: ChildProcess | null = null;
  /** The program cannot be started: output is dropped until then. */
  #givenUpUntil: Millis | null = null;
  #isWaiting = false;
  #isOver = false;
  #endsWithNewline = true;
  #tail: Buffer = Buffer.alloc(0);

  constructor(service: string, fifo: Fifo, command: readonly [string, ...string[]], shared: Shared) {
    this.#service = service;
    this.#fifo = fifo;
    this.#command = command;
    this.#shared = shared;
    this.#watch = shared.poller.watch(fifo.fd, () => this.#read());
  }

  get tail(): Buffer {
    return this.#tail;
  }

  /** Opens the FIFO for a child; the caller closes the descriptor. */
  openForChild(): number {
    return this.#fifo.openForChild();
  }

  #read(): number {
    if (this.#isWaiting) return 0;
    const isDropping = this.#givenUpUntil !== null && this.#shared.clock.now() < this.#givenUpUntil;
    const program = isDropping ? null : this.#start();
    const length = this.#fifo.read(chunk);
    if (length === 0) return 0;
    const bytes = Buffer.from(chunk.subarray(0, length));
    this.#tail = Buffer.concat([this.#tail, bytes].map((part) => part.subarray(-SHOWN))).subarray(-SHOWN);
    if (program) this.#give(program, bytes);
    else this.#shared.onDropped(this.#service, length);
    return length;
  }

  /** null: the program cannot be started; the log says why. */
  #start(): ChildProcess | null {
    if (this.#program) return this.#program;
    let program: ChildProcess;
    try {
      // Run as the service's user: the journal records the user of the writer.
      const [file, ...args] = this.#shared.commandAs(this.#fifo.uid, this.#command);
      program = spawn(file, args, {
        cwd: '/',
        // A session of its own: Ctrl-C for opsd must not end the program before the last lines came.
        detached: true,
        stdio: ['pipe', 'ignore', 'ignore'],
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
    program.unref();
    program.once('exit', () => {
      this.#program = null;
      if (this.#isOver) return;
      this.#shared.log.warn('the program that takes the output of a service ended; it is started again', {
        service: this.#service,
        program: this.#command[0],
      });
      this.#pause();
      void this.#shared.clock.after(PAUSE).then(() => this.#resume());
    });
    return program;
  }

  #giveUp(error: unknown): void {
    this.#shared.log.error('cannot start the program that takes the output of a service; it is dropped meanwhile', {
      service: this.#service,
      program: this.#command[0],
      why: error instanceof Error ? error.message : String(error),
    });
    this.#givenUpUntil = this.#shared.clock.now() + this.#shared.retryEvery;
    this.#program = null;
    this.#resume();
  }

  #give(program: ChildProcess, bytes: Buffer): void {
    this.#endsWithNewline = bytes.at(-1) === 0x0a;
    this.#shared.onBytes(this.#service, bytes.length);
    if (program.stdin?.write(bytes) !== false) return;
    this.#pause();
    program.stdin.once('drain', () => this.#resume());
  }

  #pause(): void {
    this.#isWaiting = true;
    this.#watch.pause();
  }

  #resume(): void {
    this.#isWaiting = false;
    if (!this.#isOver) this.#watch.resume();
  }

  /** A generation has ended: forwards all of its output, and a newline after a last line that has none. */
  endGeneration(): void {
    this.#drain();
    if (this.#program && !this.#endsWithNewline) this.#give(this.#program, Buffer.from('\n'));
  }

  #drain(): void {
    let left = MOST_LEFT;
    for (let bytes = 1; bytes > 0 && left > 0; left -= bytes) bytes = this.#read();
  }

  /** Before opsd ends: gives the program all output that waits, then the end of its input. */
  async settle(end: Millis): Promise<void> {
    this.#drain();
    this.#isOver = true;
    const program = this.#program;
    if (!program) return;
    const isGone = new Promise<void>((resolve) => program.once('exit', () => resolve()));
    program.stdin?.end();
    await Promise.race([isGone, this.#shared.clock.after(Math.max(end - this.#shared.clock.now(), 0))]);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#watch[Symbol.dispose]();
    this.#program?.stdin?.destroy();
    this.#fifo[Symbol.dispose]();
  }
}
