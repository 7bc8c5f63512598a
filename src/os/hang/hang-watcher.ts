// A process beside opsd that frees its loop where a service's user holds it in the kernel, by a FUSE that does not answer.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, existsSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { removeFile } from '../fifo/fifo.ts';
import type { Log } from '../own-log/logger.ts';
import { readStat } from '../proc/identity.ts';
import { WATCH_SCRIPT } from './watch-script.ts';

/** What held a thread of opsd, and what the watcher did: told before it is done. */
export interface Hang {
  /** 1: connections of the users at fault. 2: of all ids above those of the system. 3: of everybody. */
  readonly step: number;
  /** `other`: it is not known whose it was, as the FIFO is root's or was being closed, perhaps by the end of opsd. */
  readonly kind: 'fifo' | 'proc' | 'other';
  readonly users: readonly number[];
  /** FUSE connections that were aborted. */
  readonly connections: number;
  /** Path of the FIFO, PID of the process; `-`: a descriptor that was being closed. */
  readonly subject: string;
}

interface HangWatcherOptions {
  /** ${PREFIX}/run. */
  readonly runDir: string;
  readonly clock: Clock;
  readonly log: Log;
  /** A thread was held. The loop may be back, or it was another thread. */
  readonly onHang: (hang: Hang) => void;
}

/** Shorter calls were not held long enough for the watcher to act. */
const SUSPICIOUS: Millis = 1_000;
const LOOK_EVERY: Millis = 1_000;
const RESTART_AFTER: Millis = 5_000;
const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND;
/** Its own mounts, so that it can see FUSE's control files; those of the host come and go in it as well. */
const OWN_MOUNTS = 'unshare --mount --propagation slave --';
const COMMAND = `${OWN_MOUNTS} true 2>/dev/null && exec ${OWN_MOUNTS} "$@"; exec "$@"`;
const text = Buffer.allocUnsafe(16_384);

export class HangWatcher implements Disposable {
  readonly #options: HangWatcherOptions;
  readonly #looks: Disposable;
  /** A file without a name: read at once after a call that took long, which a pipe of Node is not. */
  #reports: number | null = null;
  #readTo = 0;
  #rest = '';
  #child: ChildProcess | null = null;
  #isOver = false;
  #isIdleTold = false;

  constructor(options: HangWatcherOptions) {
    this.#options = options;
    this.#looks = options.clock.every(LOOK_EVERY, () => this.look());
  }

  /** Starts the watcher if one of these users could hold opsd. It ends a moment after opsd, whose end it watches, too. */
  guard(users: Iterable<number>): void {
    if (this.#child !== null || this.#isOver || process.geteuid?.() !== 0) return;
    if ([...users].every((uid) => uid === 0)) return;
    if (!hasFuse()) {
      if (!this.#isIdleTold) this.#options.log.debug('this host has no FUSE: nothing is watched for calls that hang');
      this.#isIdleTold = true;
      return;
    }
    this.#start();
  }

  #start(): void {
    const own = readStat(process.pid);
    if (typeof own === 'string') return;
    const { runDir, clock, log } = this.#options;
    const folders = [join(runDir, 'fifo'), join(runDir, 'notify')];
    this.#reports ??= openUnnamed(join(runDir, 'opsd.hangs'));
    const command = ['-c', COMMAND, 'sh', 'sh', '-s', '--', String(process.pid), String(own.startTime), ...folders];
    const child = spawn('sh', command, {
      cwd: '/',
      // A session of its own: Ctrl-C for opsd must not end it.
      detached: true,
      stdio: ['pipe', this.#reports, 'ignore'],
      env: { PATH: process.env.PATH ?? '/usr/local/bin:/usr/bin:/bin' },
    });
    this.#child = child;
    child.stdin?.on('error', () => {});
    child.stdin?.end(WATCH_SCRIPT);
    child.unref();
    let isGone = false;
    const again = (why: string): void => {
      if (isGone || this.#isOver) return;
      isGone = true;
      log.warn('the process that watches for calls that hang has ended; it is started again', { why });
      void clock.after(RESTART_AFTER).then(() => !this.#isOver && this.#start());
    };
    child.once('error', (error) => again(error.message));
    child.once('exit', (code, signal) => again(signal ?? `exit code ${code}`));
  }

  /** To be called after a call that a service could hold: looks for reports if it took long. */
  after(began: Millis): void {
    if (this.#reports !== null && this.#options.clock.now() - began >= SUSPICIOUS) this.look();
  }

  look(): void {
    if (this.#reports === null) return;
    for (;;) {
      const length = readSync(this.#reports, text, 0, text.length, this.#readTo);
      if (length === 0) return;
      this.#readTo += length;
      const lines = (this.#rest + text.toString('utf8', 0, length)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        const hang = parseHang(line);
        if (hang !== null) this.#options.onHang(hang);
      }
    }
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#looks[Symbol.dispose]();
    if (this.#reports !== null) closeSync(this.#reports);
    this.#reports = null;
  }
}

/** A module that is not loaded is loaded when its device is opened. */
function hasFuse(): boolean {
  try {
    return existsSync('/dev/fuse') || /\tfuse$/m.test(readFileSync('/proc/filesystems', 'latin1'));
  } catch {
    return true;
  }
}

function openUnnamed(path: string): number {
  removeFile(path);
  const fd = openSync(path, FLAGS, 0o600);
  removeFile(path);
  return fd;
}

/** null: not a line of the watcher. */
function parseHang(line: string): Hang | null {
  const [step = '', kind, users = '', connections = '', subject] = line.split('\t');
  if (!/^[123]$/.test(step) || !/^\d+$/.test(connections) || subject === undefined) return null;
  if (kind !== 'fifo' && kind !== 'proc' && kind !== 'other') return null;
  const ids = users.split(' ').filter((uid) => /^\d+$/.test(uid));
  return { step: Number(step), kind, users: ids.map(Number), connections: Number(connections), subject };
}
