// Requests to opsd over the control socket, and errors with a remedy when they fail.

import { existsSync, type Stats, statSync } from 'node:fs';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Millis } from '../../core/model/spec.ts';
import { ConfigError, codeOf, RuntimeError } from '../../errors.ts';
import type { Clock } from '../../runtime/clock.ts';
import { sanitised } from '../../text/harmless.ts';
import { LONGEST_SOCKET_PATH } from '../../text/socket-path.ts';
import { parseAnswer } from './answer.ts';
import { orAborted } from './pause.ts';
import { describeSilence, isQueueFull, PATIENCE, Unanswered, watchSilence } from './silence.ts';

export interface Reply extends AsyncIterable<string>, Disposable {
  readonly status: number;
  /** A header of the answer; `name` in lower case. null: the answer has no such header. */
  header(name: string): string | null;
}

/** Disposing the client ends all its requests. */
export interface Client extends Disposable {
  readonly socketPath: string;
  /** The parsed answer to a GET; throws a ConfigError or RuntimeError for an error of the API. */
  get(path: string): Promise<unknown>;
  post(path: string, body?: unknown): Promise<unknown>;
  /** The answer chunk by chunk. Throws as `get` does for an error of the API. */
  stream(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Reply>;
  /** The same, one character for each byte (latin1): the output of a service may not be text. */
  bytes(path: string): Promise<Reply>;
}

/** opsd never sends a larger answer. */
const LARGEST_ANSWER = 256 * 1024 * 1024;
const LARGEST_HEAD = 64 * 1024;

// `import 'node:http'` takes 60 ms and more, because it evaluates every export; getBuiltinModule takes 15 ms.
const { request } = process.getBuiltinModule('node:http');

/** `aborted`: aborts the wait for answers; the reader of a stream has to watch it itself. */
export function newClient(
  socketPath: string,
  clock: Clock,
  patience: Millis = PATIENCE,
  aborted: AbortSignal = new AbortController().signal,
): Client {
  /** Functions that end the requests in progress. */
  const ends = new Set<(why: Error) => void>();
  let hasOrdered = false;
  const ask = async (
    method: 'GET' | 'POST',
    path: string,
    body?: unknown,
    encoding: Encoding = 'utf8',
  ): Promise<Reply> => {
    const asked = send(socketPath, method, path, body);
    let answer: IncomingMessage | null = null;
    const end = (why: Error) => void (answer ?? asked).destroy(why);
    ends.add(end);
    asked.once('close', () => ends.delete(end));
    asked.once('socket', (socket) =>
      watchSilence(socket, socketPath, patience, clock, () => {
        const order = hasOrdered ? '; opsd may still carry out the command' : '';
        end(new Unanswered(describeSilence(socketPath) + order));
      }),
    );
    if (method === 'POST') hasOrdered = true;
    answer = await waitedFor(answerOf(asked, socketPath));
    return replyOf(answer, asked, socketPath, encoding);
  };
  const waitedFor = async <T>(work: Promise<T>): Promise<T> => {
    const result = await orAborted(work, aborted);
    if (result !== null) return result;
    throw new Unanswered(`no longer waiting for opsd${hasOrdered ? '; it carries on with the command' : ''}`);
  };
  const whole = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<unknown> => {
    using reply = await ask(method, path, body);
    const text = await waitedFor(readText(reply));
    const value = parseAnswer(text, socketPath);
    if (reply.status >= 400) throw failureOf(value, reply.status);
    return value;
  };
  const streamed = async (asked: Promise<Reply>): Promise<Reply> => {
    const reply = await asked;
    if (reply.status < 400) return reply;
    using refusal = reply;
    throw failureOf(parseAnswer(await waitedFor(readText(refusal)), socketPath), refusal.status);
  };
  return {
    socketPath,
    get: (path) => whole('GET', path),
    post: (path, body) => whole('POST', path, body),
    stream: (method, path, body) => streamed(ask(method, path, body)),
    bytes: (path) => streamed(ask('GET', path, undefined, 'latin1')),
    [Symbol.dispose]() {
      for (const end of ends) end(new Unanswered('no longer waiting for opsd'));
    },
  };
}

function send(socketPath: string, method: string, path: string, body: unknown): ClientRequest {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    Host: 'localhost',
    Connection: 'close',
    'X-Opsd-User': claimedUser(),
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
  };
  const asked = request({ socketPath, method, path, headers, agent: false, maxHeaderSize: LARGEST_HEAD });
  asked.end(text);
  return asked;
}

function answerOf(asked: ClientRequest, socketPath: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  asked.once('response', resolve);
  // An error after the answer has begun reaches the reader of the stream instead.
  asked.on('error', (error) => reject(unreachable(socketPath, error)));
  return promise;
}

type Encoding = 'utf8' | 'latin1';

function replyOf(answer: IncomingMessage, asked: ClientRequest, socketPath: string, encoding: Encoding): Reply {
  // An error of the API is JSON.
  answer.setEncoding((answer.statusCode ?? 0) < 400 ? encoding : 'utf8');
  return {
    status: answer.statusCode ?? 0,
    header: (name) => {
      const value = answer.headers[name];
      return typeof value === 'string' ? sanitised(value) : null;
    },
    async *[Symbol.asyncIterator]() {
      try {
        for await (const chunk of answer) yield String(chunk);
      } catch (error) {
        if (!isCutOff(error)) throw unreachable(socketPath, error);
        // A stream has no length: the end of opsd is the end of the stream.
        if (answer.headers['content-length'] === undefined) return;
        throw new RuntimeError('opsd closed the connection in the middle of its answer');
      }
    },
    [Symbol.dispose]: () => asked.destroy(),
  };
}

function isCutOff(error: unknown): boolean {
  return codeOf(error) === 'ECONNRESET';
}

async function readText(reply: Reply): Promise<string> {
  let text = '';
  for await (const chunk of reply) {
    text += chunk;
    if (text.length > LARGEST_ANSWER) throw new RuntimeError('the answer of opsd is too large');
  }
  return text;
}

/** A mistake of the user exits 1, a failure of opsd exits 2. */
function failureOf(value: unknown, status: number): Error {
  const { code, message, problems } = readFailure(value);
  const text = message ?? `opsd answered with status ${status}`;
  if (code === 'bad_configuration') return new ConfigError(text, problems);
  if (code === 'unknown_service' || code === 'bad_request' || code === 'needed') return new ConfigError(text);
  return new RuntimeError(text);
}

function readFailure(value: unknown): {
  code: string | null;
  message: string | null;
  problems: ConfigError['problems'];
} {
  const reply = value as { error?: { code?: unknown; message?: unknown }; problems?: unknown } | null;
  const { code, message } = reply?.error ?? {};
  return {
    code: typeof code === 'string' ? code : null,
    message: typeof message === 'string' ? message : null,
    problems: Array.isArray(reply?.problems) ? reply.problems : [],
  };
}

/** Why opsd cannot be reached, with the remedy. */
function unreachable(path: string, error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  if (isQueueFull(error)) return new Unanswered(describeSilence(path));
  const code = codeOf(error);
  if (code.startsWith('HPE_')) return new RuntimeError(`the program that answers on ${path} is not opsd`);
  const start = 'start it with: systemctl start opsd (or: opsd run)';
  const elsewhere = 'if it runs with another PREFIX, set PREFIX or give --socket PATH';
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR': {
      const where = existsSync(dirname(path)) ? `there is no ${path}` : `there is no folder ${dirname(path)}`;
      return new RuntimeError(`opsd is not running: ${where}; ${start}; ${elsewhere}`);
    }
    case 'ECONNREFUSED':
      if (statOrNull(path)?.isSocket() === false) {
        return new RuntimeError(
          `${path} is not a socket, so no opsd can be reached there; give that of opsd, which is run/opsd.sock below its PREFIX`,
        );
      }
      return new RuntimeError(
        `opsd is not running: nobody answers on ${path}, a stale socket that a killed opsd left; ${start}, it replaces the socket`,
      );
    case 'EACCES':
    case 'EPERM':
      return new RuntimeError(
        `no permission to use ${path}${describeOwner(path)}; use sudo, or set daemon.socket_mode and daemon.socket_group`,
      );
    case 'EPIPE':
    case 'ECONNRESET':
      // Node's error when the connection was closed in order, without an answer.
      if (error instanceof Error && error.message === 'socket hang up') {
        return new RuntimeError('opsd closed the connection without an answer; its log may say why');
      }
      return new RuntimeError('opsd closed the connection: it ended, or has too many clients; try again');
    case 'ERR_STREAM_PREMATURE_CLOSE':
      // This client closed the connection itself.
      return new Unanswered('no longer waiting for opsd');
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return new RuntimeError(`the path of the socket is too long (${LONGEST_SOCKET_PATH} bytes at most): ${path}`);
    default:
      return new RuntimeError(
        `cannot reach opsd on ${path}: ${error instanceof Error ? error.message : String(error)}`,
      );
  }
}

/** null: the path does not exist, or this user may not enter one of its folders. */
function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

function describeOwner(path: string): string {
  const found = statOrNull(path);
  return found === null ? '' : ` (mode ${(found.mode & 0o777).toString(8).padStart(4, '0')}, uid ${found.uid})`;
}

/** The user, for opsd's log. opsd cannot verify it: a client of the socket may claim any name. */
function claimedUser(): string {
  const uid = process.getuid?.() ?? -1;
  const sudo = process.env.SUDO_USER;
  const name = (text: string) => text.replace(/[^\w.@-]/g, '').slice(0, 32);
  try {
    const user = name(userInfo().username);
    return `${user} (uid ${uid}${sudo === undefined ? '' : ` by sudo from ${name(sudo)}`})`;
  } catch {
    return `uid ${uid}`;
  }
}
