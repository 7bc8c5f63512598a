// How long ctl waits for an opsd that gives no sign of life, and the error after that.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf, RuntimeError } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';

/** An opsd that does not even answer /.well-known/live for this long is stuck. */
export const PATIENCE: Millis = 10_000;

const QUESTION = 'GET /.well-known/live HTTP/1.0\r\nHost: localhost\r\n\r\n';

/** The result of a request is unknown: opsd did not answer, or ctl stopped waiting. */
export class Unanswered extends RuntimeError {}

/**
 * Calls `giveUp` when no data comes through `socket` and opsd does not answer /.well-known/live either, for `patience` in
 * total. A silent connection alone proves nothing: a service may take long to stop, a log may have no new lines. The
 * watch ends with the socket.
 */
export function watchSilence(socket: Socket, path: string, patience: Millis, clock: Clock, giveUp: () => void): void {
  let heard = 0;
  let question: Socket | null = null;
  const listen = () => {
    question?.destroy();
    question = null;
    late[Symbol.dispose]();
    heard = socket.bytesRead;
    quiet.set(patience / 2);
  };
  const judge = () => {
    if (question === null) return;
    if (socket.bytesRead > heard) listen();
    else giveUp();
  };
  const quiet = clock.alarm(() => {
    if (socket.bytesRead > heard) return listen();
    question = connect(path).once('data', listen).once('end', listen);
    // A full queue means that opsd has not accepted connections for long. Any other error shows up on `socket` too.
    question.once('error', (error) => isQueueFull(error) || listen());
    question.write(QUESTION);
    late.set(patience / 2);
  });
  // If ctl itself was stopped (SIGSTOP), data may be waiting unread: this turn of the loop reads it before the verdict.
  const late = clock.alarm(() => clock.soon(judge));
  socket.once('close', () => {
    question?.destroy();
    question = null;
    quiet[Symbol.dispose]();
    late[Symbol.dispose]();
  });
  listen();
}

/** connect(2) fails so where the queue of a unix socket is full. */
export function isQueueFull(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN';
}

export function describeSilence(socketPath: string): string {
  const pid = pidBeside(socketPath);
  const who = pid === null ? 'opsd' : `opsd (pid ${pid})`;
  const remedy = pid === null ? '' : ` (then: kill -CONT ${pid})`;
  return `${who} does not answer on ${socketPath}; it may be stopped${remedy} or stuck: see its log, and systemctl status opsd; services keep running`;
}

/** null: there is no PID file beside the socket, or this user may not read it. */
function pidBeside(socketPath: string): string | null {
  try {
    return /^\d+$/m.exec(readFileSync(join(dirname(socketPath), 'opsd.pid'), 'utf8'))?.[0] ?? null;
  } catch {
    return null;
  }
}
