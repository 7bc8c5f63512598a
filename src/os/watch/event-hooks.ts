// Delivers one event to one event hook, once: to a program in a process group of its own, or to a webhook. Bounded in
// time and memory.

import { spawn } from 'node:child_process';
import type { EventHook } from '../../core/model/config.ts';
import { codeOf } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { parseInPieces } from '../../runtime/pieces.ts';
import { formatDuration } from '../../text/units.ts';
import { DEFAULT_PATH } from '../chain/tools.ts';
import { hookName } from '../proc/hook-name.ts';
import { formatMarker, MARKER } from '../proc/marker.ts';
import type { Leftovers } from '../processes/leftovers.ts';
import { nodeChild } from '../spawn/node-child.ts';

/** An event in the form that event hooks get. */
export interface HookMessage {
  /** The service that the event is about. */
  readonly service: string;
  /** JSON text. */
  readonly body: string;
  /** OPSD_… variables for programs. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface Delivery {
  readonly isDelivered: boolean;
  /** A retry may succeed: the receiver did not answer, or asked for a retry. */
  readonly isTransient: boolean;
  /** One line: the answer, or what failed. Not masked: `maskedDelivery` does that. */
  readonly detail: string;
}

/** Aborts the delivery in progress. */
type AbortDelivery = () => void;
type OnDelivered = (delivery: Delivery) => void;

/**
 * Bytes kept of a program's stderr; the rest is read and thrown away. More than is shown, as a secret in it may be
 * long.
 */
const MOST_WORDS = 4_096;
/** Interim responses (100 Continue) in front of a webhook's answer. */
const MOST_INTERIM = 10;
/** Bytes that a webhook may say up to the end of the head of its answer. Node's own limit is for each head alone. */
const MOST_HEAD_BYTES = 256 * 1024;
/** Errors that pass (connect(2), getaddrinfo(3)): the receiver, or the way to it, is not available now. */
const TRANSIENT = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'],
  ...['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'],
]);

/** What a delivery needs. */
interface ProgramCare {
  readonly clock: Clock;
  /** Absolute: part of the marker, by which the program and its descendants are found. */
  readonly runDir: string;
  /** Ends the program and all processes that it leaves behind. */
  readonly leftovers: Pick<Leftovers, 'nextNumber' | 'end'>;
}

/** Resolves after `hook.timeout` at the latest, or when `aborted`. Never rejects. */
export async function deliver(
  hook: EventHook,
  message: HookMessage,
  aborted: AbortSignal,
  care: ProgramCare,
): Promise<Delivery> {
  const { promise, resolve } = Promise.withResolvers<Delivery>();
  let abort: AbortDelivery = () => undefined;
  const stop = () => resolve({ isDelivered: false, isTransient: false, detail: 'opsd ends' });
  using alarm = care.clock.alarm(() =>
    resolve({
      isDelivered: false,
      // No retry for a program: it may have done half of its work.
      isTransient: hook.target.kind === 'webhook',
      detail: `no answer within ${formatDuration(hook.timeout)}`,
    }),
  );
  alarm.set(hook.timeout);
  aborted.addEventListener('abort', stop, { once: true });
  try {
    if (aborted.aborted) stop();
    else
      abort =
        hook.target.kind === 'exec'
          ? run(hook.target.command, message, care, resolve)
          : post(hook.target, message, resolve);
    return await promise;
  } catch (error) {
    return failed(error);
  } finally {
    aborted.removeEventListener('abort', stop);
    abort();
  }
}

function run(
  [file, ...args]: readonly [string, ...string[]],
  { service, body, variables }: HookMessage,
  { runDir, leftovers }: ProgramCare,
  tell: OnDelivered,
): AbortDelivery {
  const { PATH = DEFAULT_PATH, LANG, TZ } = process.env;
  const name = hookName(service, 'on_event');
  const number = leftovers.nextNumber();
  const env = {
    [MARKER]: formatMarker({ service: name, generation: number, runDir }),
    PATH,
    ...(LANG === undefined ? {} : { LANG }),
    ...(TZ === undefined ? {} : { TZ }),
    ...variables,
  };
  const child = spawn(file, args, { detached: true, stdio: ['pipe', 'ignore', 'pipe'], env });
  const handle = nodeChild(child);
  const end = () => {
    if (handle !== null) leftovers.end({ name, number, uid: process.getuid?.() ?? 0, child: handle });
  };
  let words = '';
  child.once('error', (error) => tell(failed(error)));
  // A program need not read its stdin (EPIPE).
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(body);
  child.stderr?.on('error', () => undefined);
  child.stderr?.on('data', (chunk: Buffer) => {
    if (words.length < MOST_WORDS) words += chunk.toString('utf8').slice(0, MOST_WORDS - words.length);
  });
  child.once('exit', end);
  // `close` comes after the last of stderr. A leftover that keeps stderr open is killed a moment after the exit.
  child.once('close', (code, signal) => {
    const end = signal ?? `exit code ${code}`;
    const detail = words === '' ? end : `${end}: ${words.trim().replace(/\s+/g, ' ')}`;
    tell({ isDelivered: code === 0, isTransient: false, detail });
  });
  return () => {
    if (child.exitCode === null && child.signalCode === null) end();
    child.stdin?.destroy();
    child.stderr?.destroy();
  };
}

function post(
  target: Extract<EventHook['target'], { kind: 'webhook' }>,
  { body }: HookMessage,
  tell: OnDelivered,
): AbortDelivery {
  // Loaded on demand: most configurations have no webhook, and TLS alone takes 10 MB.
  const { request: send } = process.getBuiltinModule(target.url.startsWith('https:') ? 'node:https' : 'node:http');
  const headers = {
    'user-agent': 'opsd',
    'content-type': 'application/json',
    ...target.headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const request = send(target.url, { method: 'POST', agent: false, headers }, ({ statusCode = 0 }) => {
    const isTransient = statusCode === 429 || statusCode >= 500;
    tell({ isDelivered: statusCode >= 200 && statusCode < 300, isTransient, detail: `status ${statusCode}` });
    // Nothing but the status matters, and whatever follows would be parsed.
    request.destroy();
  });
  request.on('error', (error) => tell(failed(error)));
  const refuse = (detail: string) => {
    tell({ isDelivered: false, isTransient: false, detail });
    request.destroy();
  };
  let interim = 0;
  request.on('information', () => {
    interim += 1;
    if (interim > MOST_INTERIM) refuse(`more than ${MOST_INTERIM} interim responses (1xx) instead of an answer`);
  });
  request.once('socket', (socket) => {
    parseInPieces(socket);
    socket.on('data', () => {
      if (socket.bytesRead > MOST_HEAD_BYTES) refuse(`no answer within the first ${MOST_HEAD_BYTES / 1_024} KiB`);
    });
  });
  request.end(body);
  return () => request.destroy();
}

/** Error messages of node:http name host and port, but not the path, which may be secret. */
function failed(error: unknown): Delivery {
  const code = codeOf(error);
  const detail = error instanceof Error ? error.message || code : String(error);
  return { isDelivered: false, isTransient: TRANSIENT.has(code), detail };
}
