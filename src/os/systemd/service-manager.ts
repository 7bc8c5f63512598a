// Notifies systemd of the state of opsd (sd_notify(3)) through the program systemd-notify: Node has no datagram
// sockets.

import { execFile } from 'node:child_process';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import { onOneLine } from '../../text/harmless.ts';
import { formatDuration } from '../../text/units.ts';

/** Without a service manager all methods do nothing. None waits, none throws. */
export interface ServiceManager extends Disposable {
  /** opsd has started, or a reload is done. */
  ready(): void;
  /** One line for `systemctl status`; a later one replaces it. */
  status(text: string): void;
  reloading(): void;
  stopping(): void;
  readonly watchdog: {
    /** How often a ping should be sent; null: there is no watchdog. */
    readonly periodMs: Millis | null;
    /** opsd works. May be called more often: pings before the period is over are not sent. */
    ping(): void;
  };
}

/** The next notification. A newer phase or status replaces an unsent one. */
interface Message {
  phase: 'READY=1' | 'RELOADING=1' | 'STOPPING=1' | null;
  status: string | null;
  ping: boolean;
}

const NOTHING: Readonly<Message> = { phase: null, status: null, ping: false };

/** Each notification is a process (15 ms): a status alone is sent at most this often. */
const STATUS_PERIOD: Millis = 1_000;

/** systemd-notify waits until systemd has read the message; after this time systemd is taken to be stuck. */
const CALL_TIMEOUT: Millis = 5_000;

/** systemctl shows one line of at most this many characters. */
const STATUS_LENGTH = 300;

/**
 * Removes the variables of sd_notify(3) from `env`, so that no service inherits them. `warn` is called once for each
 * kind of failure.
 */
export function createServiceManager(
  env: NodeJS.ProcessEnv,
  clock: Clock,
  warn: (message: string) => void,
): ServiceManager {
  const socket = env.NOTIFY_SOCKET;
  const period = socket === undefined ? null : pingPeriod(env);
  delete env.NOTIFY_SOCKET;
  delete env.WATCHDOG_USEC;
  delete env.WATCHDOG_PID;

  let unsent: Message = { ...NOTHING };
  let inFlight = false;
  let over = false;
  let lastTrouble = '';
  /** Until then a status alone is held back. */
  let statusAllowedAt: Millis = 0;
  let pingDueAt: Millis = 0;
  let lastStatus = '';
  const later = clock.alarm(() => send());

  function send(): void {
    if (socket === undefined || over || inFlight) return;
    const urgent = unsent.phase !== null || unsent.ping;
    if (!urgent && unsent.status === null) return;
    const wait = statusAllowedAt - clock.now();
    if (!urgent && wait > 0) {
      later.set(wait);
      return;
    }
    const message = unsent;
    unsent = { ...NOTHING };
    inFlight = true;
    statusAllowedAt = clock.now() + STATUS_PERIOD;
    call(socket, env.PATH, lines(message, clock.now()), (trouble) => {
      inFlight = false;
      if (trouble === null) return send();
      // A failed notification is sent again with the next one: without READY=1 systemd would give up on the start of
      // opsd.
      unsent = {
        phase: unsent.phase ?? message.phase,
        status: unsent.status ?? message.status,
        ping: unsent.ping,
      };
      if (trouble !== lastTrouble && !over) warn(trouble);
      lastTrouble = trouble;
      if (!over) later.set(STATUS_PERIOD);
    });
  }

  return {
    ready() {
      unsent.phase = 'READY=1';
      send();
    },
    reloading() {
      unsent.phase = 'RELOADING=1';
      send();
    },
    stopping() {
      unsent.phase = 'STOPPING=1';
      send();
    },
    status(text) {
      const line = onOneLine(text).slice(0, STATUS_LENGTH);
      if (line === lastStatus) return;
      lastStatus = line;
      unsent.status = line;
      send();
    },
    watchdog: {
      periodMs: period,
      ping() {
        if (period === null || clock.now() < pingDueAt) return;
        pingDueAt = clock.now() + period;
        unsent.ping = true;
        send();
      },
    },
    [Symbol.dispose]() {
      over = true;
      later[Symbol.dispose]();
    },
  };
}

/** A third of the watchdog's timeout: one lost ping does not kill opsd. */
function pingPeriod(env: NodeJS.ProcessEnv): Millis | null {
  const granted = Number(env.WATCHDOG_USEC);
  const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
  return forUs && granted > 0 && Number.isSafeInteger(granted) ? granted / 1_000 / 3 : null;
}

/** RELOADING=1 needs MONOTONIC_USEC, by which systemd tells this reload from an earlier one. */
function lines({ phase, status, ping }: Message, now: Millis): string[] {
  const all = [];
  if (phase !== null) all.push(phase);
  if (phase === 'RELOADING=1') all.push(`MONOTONIC_USEC=${Math.floor(now * 1_000)}`);
  if (status !== null) all.push(`STATUS=${status}`);
  if (ping) all.push('WATCHDOG=1');
  return all;
}

/** `done` gets null, or what failed and what to do about it. */
function call(
  socket: string,
  path: string | undefined,
  message: string[],
  done: (trouble: string | null) => void,
): void {
  const options = {
    env: { NOTIFY_SOCKET: socket, PATH: path ?? '/usr/sbin:/usr/bin:/sbin:/bin' },
    timeout: CALL_TIMEOUT,
    killSignal: 'SIGKILL',
    maxBuffer: 4_096,
  } as const;
  try {
    execFile('systemd-notify', message, options, (error, _stdout, stderr) => {
      if (error === null) return done(null);
      if (error.code === 'ENOENT') {
        return done('systemd-notify is not in PATH: systemd will consider opsd dead; install the package systemd');
      }
      const why = error.killed ? `no answer within ${formatDuration(CALL_TIMEOUT)}` : stderr.trim() || error.message;
      done(`systemd-notify failed, systemd does not get the state of opsd (check NotifyAccess= in the unit): ${why}`);
    });
  } catch (error) {
    done(`systemd-notify cannot be started: ${error instanceof Error ? error.message : String(error)}`);
  }
}
