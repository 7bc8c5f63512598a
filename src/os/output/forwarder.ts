// One service's output on its way to syslog or the journal, through the program that knows how: logger(1), systemd-cat(1).

import { type ChildProcess, spawn } from 'node:child_process';
import type { Millis } from '../../core/model/spec.ts';
import { after, monotonic } from '../../runtime/clock.ts';
import type { Fifo } from '../fifo/fifo.ts';
import type { Watch } from '../fifo/poller.ts';
import type { Shared } from './capture.ts';

const CHUNK = 65_536;
const chunk = Buffer.allocUnsafeSlow(CHUNK);
/** What `ctl why` may show. */
const SHOWN = 4_096;
/** Between the end of a program and the next one; the service waits at its FIFO meanwhile. */
const PAUSE: Millis = 1_000;
/** What a generation left in its pipe is read up to this. */
const MOST_LEFT = 4 << 20;

/** The program that takes lines for a service, and its arguments. */
type ForwarderProgram = (service: string) => readonly [string, ...string[]];

export const PROGRAMS: Readonly<Record<'syslog' | 'journal', ForwarderProgram>> = {
  syslog: (service) => ['logger', '--tag', service],
  // What a service writes chooses no priority: `<0>` in front of a line, which may be a stranger's, is shown on all terminals.
  journal: (service) => ['systemd-cat', `--identifier=${service}`, '--level-prefix=false'],
};

/**
 * The program lives as long as opsd: it ends by itself when its input does, so that a killed opsd leaves none behind, and
 * what services write meanwhile waits in the FIFO for the next one. A program that ends is started again.
 */
export class Forwarder implements Disposable {
  readonly #service: string;
  readonly #fifo: Fifo;
  readonly #command: readonly [string, ...string[]];
  readonly #shared: Shared;
  readonly #watch: Watch;
  #program: ChildProcess | null = null;
  /** It cannot be started: until then, output is dropped. */
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
    this.#watch = shared.readiness.watch(fifo.fd, () => this.#read());
  }

  get tail(): Buffer {
    return this.#tail;
  }

  /** For a child; the caller closes it. */
  openForChild(): number {
    return this.#fifo.openForChild();
  }

  #read(): number {
    if (this.#isWaiting) return 0;
    const isDropping = this.#givenUpUntil !== null && monotonic() < this.#givenUpUntil;
    const program = isDropping ? null : this.#start();
    const length = this.#fifo.read(chunk);
    if (length === 0) return 0;
    const bytes = Buffer.from(chunk.subarray(0, length));
    this.#tail = Buffer.concat([this.#tail, bytes].map((part) => part.subarray(-SHOWN))).subarray(-SHOWN);
    if (program) this.#give(program, bytes);
    else this.#shared.onDropped(this.#service, length);
    return length;
  }

  /** null: it cannot be started; why is in the log. */
  #start(): ChildProcess | null {
    if (this.#program) return this.#program;
    let program: ChildProcess;
    try {
      // As the service's user: a record of the journal says who wrote it, and root did not.
      const [file, ...args] = this.#shared.commandAs(this.#fifo.uid, this.#command);
      program = spawn(file, args, {
        cwd: '/',
        // A session of its own: a Ctrl-C for opsd must not end it before the last lines came.
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
    // Then the error is on its way.
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
      void after(PAUSE).then(() => this.#resume());
    });
    return program;
  }

  #giveUp(error: unknown): void {
    this.#shared.log.error('cannot start the program that takes the output of a service; it is dropped meanwhile', {
      service: this.#service,
      program: this.#command[0],
      why: error instanceof Error ? error.message : String(error),
    });
    this.#givenUpUntil = monotonic() + this.#shared.retryEvery;
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

  /** All that the generation wrote is given away, and what comes next begins a line of its own. */
  endGeneration(): void {
    this.#drain();
    if (this.#program && !this.#endsWithNewline) this.#give(this.#program, Buffer.from('\n'));
  }

  #drain(): void {
    let left = MOST_LEFT;
    for (let bytes = 1; bytes > 0 && left > 0; left -= bytes) bytes = this.#read();
  }

  /** Before the end of opsd: the program gets all that waits, and its end of input. */
  async settle(end: Millis): Promise<void> {
    this.#drain();
    this.#isOver = true;
    const program = this.#program;
    if (!program) return;
    const isGone = new Promise<void>((resolve) => program.once('exit', () => resolve()));
    program.stdin?.end();
    await Promise.race([isGone, after(Math.max(end - monotonic(), 0))]);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#watch[Symbol.dispose]();
    this.#program?.stdin?.destroy();
    this.#fifo[Symbol.dispose]();
  }
}
