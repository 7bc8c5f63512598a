// How long a silent opsd is waited for, and what is said of one that gives no sign of life.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { codeOf, RuntimeError } from '../../errors.ts';
import { Alarm } from '../../runtime/clock.ts';

/** Who says nothing for longer, not even that it lives, is stuck. */
export const PATIENCE: Millis = 10_000;

const QUESTION = 'GET /.well-known/live HTTP/1.0\r\nHost: localhost\r\n\r\n';

/** What became of a request is not known: opsd did not answer, or was no longer waited for. */
export class Unanswered extends RuntimeError {}

/**
 * Calls `giveUp` when nothing comes through `socket`, and opsd does not answer a question either, for `patience` in sum.
 * Silence alone says little: a service takes its time to stop, a log has nothing new. Ends with the socket.
 */
export function watchSilence(socket: Socket, path: string, patience: Millis, giveUp: () => void): void {
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
  const quiet = new Alarm(() => {
    if (socket.bytesRead > heard) return listen();
    question = connect(path).once('data', listen).once('end', listen);
    // Nobody accepts for so long that no more fit into the queue. Whatever else it is, `socket` will tell.
    question.once('error', (error) => isQueueFull(error) || listen());
    question.write(QUESTION);
    late.set(patience / 2);
  });
  // A process that was stopped, or could not write, has not read yet what is there. In this turn of the loop it does.
  const late = new Alarm(() => setImmediate(judge));
  socket.once('close', () => {
    question?.destroy();
    question = null;
    quiet[Symbol.dispose]();
    late[Symbol.dispose]();
  });
  listen();
}

/** connect(2) to a unix socket on which too many wait already. */
export function isQueueFull(error: unknown): boolean {
  return codeOf(error) === 'EAGAIN';
}

export function describeSilence(socketPath: string): string {
  const pid = pidBeside(socketPath);
  const who = pid === null ? 'opsd' : `opsd (pid ${pid})`;
  const remedy = pid === null ? '' : ` (then: kill -CONT ${pid})`;
  return `${who} does not answer on ${socketPath}; it may be stopped${remedy} or stuck: see its log, and systemctl status opsd; services run on`;
}

/** null: opsd keeps no PID file there, or not for us to read. */
function pidBeside(socketPath: string): string | null {
  try {
    return /^\d+$/m.exec(readFileSync(join(dirname(socketPath), 'opsd.pid'), 'utf8'))?.[0] ?? null;
  } catch {
    return null;
  }
}
