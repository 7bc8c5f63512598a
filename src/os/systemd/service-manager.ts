// Tells systemd how the daemon is (sd_notify(3)), through the program systemd-notify: Node has no datagram sockets.

import { execFile } from 'node:child_process';
import type { Millis } from '../../core/model/spec.ts';
import { Alarm, monotonic } from '../../runtime/clock.ts';
import { onOneLine } from '../../text/harmless.ts';

/** All of it does nothing where no service manager listens. No method waits, none throws. */
export interface ServiceManager extends Disposable {
  /** Started, or done with reloading. */
  ready(): void;
  /** One line for `systemctl status`; the last one wins. */
  status(text: string): void;
  reloading(): void;
  stopping(): void;
  readonly watchdog: {
    /** How often systemd is to hear one to be safe; null: nobody waits for pings. */
    readonly periodMs: Millis | null;
    /** All is well. May be called more often: what comes before the period is over goes no further. */
    ping(): void;
  };
}

/** What systemd is to be told next. A newer phase or status takes the place of an unsent one. */
interface Message {
  phase: 'READY=1' | 'RELOADING=1' | 'STOPPING=1' | null;
  status: string | null;
  ping: boolean;
}

const NOTHING: Readonly<Message> = { phase: null, status: null, ping: false };

/** A call is a process (15 ms): a status alone is not worth more than this many. */
const STATUS_PERIOD: Millis = 1_000;

/** systemd-notify waits until systemd has read it; a systemd that does not for this long will not. */
const CALL_TIMEOUT: Millis = 5_000;

/** systemctl shows one line; more of it is of no use to anybody. */
const STATUS_LENGTH = 300;

/** Takes what concerns us out of `env`, so that no service inherits it. `warn` is called once a kind of trouble. */
export function createServiceManager(env: NodeJS.ProcessEnv, warn: (message: string) => void): ServiceManager {
  const socket = env.NOTIFY_SOCKET;
  const period = socket === undefined ? null : pingPeriod(env);
  delete env.NOTIFY_SOCKET;
  delete env.WATCHDOG_USEC;
  delete env.WATCHDOG_PID;

  let unsent: Message = { ...NOTHING };
  let inFlight = false;
  let over = false;
  let lastTrouble = '';
  /** Before this a status alone waits. */
  let statusAllowedAt: Millis = 0;
  let pingDueAt: Millis = 0;
  let lastStatus = '';
  const later = new Alarm(() => send());

  function send(): void {
    if (socket === undefined || over || inFlight) return;
    const urgent = unsent.phase !== null || unsent.ping;
    if (!urgent && unsent.status === null) return;
    const wait = statusAllowedAt - monotonic();
    if (!urgent && wait > 0) {
      later.set(wait);
      return;
    }
    const message = unsent;
    unsent = { ...NOTHING };
    inFlight = true;
    statusAllowedAt = monotonic() + STATUS_PERIOD;
    call(socket, env.PATH, lines(message), (trouble) => {
      inFlight = false;
      if (trouble === null) return send();
      // Said again with whatever comes next: a READY=1 that was lost would cost the whole start.
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
        if (period === null || monotonic() < pingDueAt) return;
        pingDueAt = monotonic() + period;
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

/** A third of the time that systemd grants: one lost ping is no death. */
function pingPeriod(env: NodeJS.ProcessEnv): Millis | null {
  const granted = Number(env.WATCHDOG_USEC);
  const forUs = env.WATCHDOG_PID === undefined || Number(env.WATCHDOG_PID) === process.pid;
  return forUs && granted > 0 && Number.isSafeInteger(granted) ? granted / 1_000 / 3 : null;
}

/** MONOTONIC_USEC goes with RELOADING=1: systemd tells this reload from an earlier one by it. */
function lines({ phase, status, ping }: Message): string[] {
  const all = [];
  if (phase !== null) all.push(phase);
  if (phase === 'RELOADING=1') all.push(`MONOTONIC_USEC=${Math.floor(monotonic() * 1_000)}`);
  if (status !== null) all.push(`STATUS=${status}`);
  if (ping) all.push('WATCHDOG=1');
  return all;
}

/** `done` gets null, or what went wrong and what to do about it. */
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
        return done('systemd-notify is not in PATH: systemd will take opsd for dead; install the package systemd');
      }
      const why = error.killed ? `no answer within ${CALL_TIMEOUT / 1_000} s` : stderr.trim() || error.message;
      done(`systemd-notify failed, systemd does not know how opsd is (see NotifyAccess= in the unit): ${why}`);
    });
  } catch (error) {
    done(`systemd-notify cannot be started: ${error instanceof Error ? error.message : String(error)}`);
  }
}
