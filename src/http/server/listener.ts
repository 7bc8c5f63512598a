// The way of a request to its route: refused where it asks for too much, else answered in its turn.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Commands, Queries } from '../../api/control.ts';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { HttpLog, ListenerKind } from '../context.ts';
import { peerOf } from '../peer.ts';
import type { EventStreams } from '../streams/event-streams.ts';
import type { Crowd } from './crowd.ts';
import { asksTooMuch } from './pipelining.ts';
import { reply } from './refusals.ts';
import { asksForLiveness, forgetHost, hasPlainHost } from './target.ts';
import { COME_BACK_AFTER, Turns } from './turns.ts';

/** The limit for TCP. On the socket a URL may be as long as all headers, because ctl may name many services. */
const MAX_URL_BYTES = 4 * 1024;

/** Requests on one connection without an answer (pipelining). Browsers and Prometheus never have more than one. */
const MOST_UNANSWERED = { socket: 16, tcp: 2 };

const NO_HOST = 'the Host header of the request has to be one name or address, with a port or without one';

export type RefuseRequest = (request: IncomingMessage, response: ServerResponse) => boolean;

interface ListenerOptions {
  readonly queries: Queries;
  /** null: for TCP. */
  readonly commands: Commands | null;
  readonly clock: Clock;
  readonly streams: EventStreams;
  readonly via: ListenerKind;
  readonly pageLogs: () => boolean;
  readonly hide: (text: string) => string;
  readonly log: HttpLog;
  readonly crowd: Crowd;
  /** true: the client may not ask, and the refusal was sent. */
  readonly refuses: RefuseRequest;
}

export function newListener(options: ListenerOptions): RequestListener {
  const { via, crowd, refuses } = options;
  const turns = new Turns();
  const app = lazyApp(options, () => (via === 'socket' ? Promise.resolve() : new Promise((go) => turns.takeFirst(go))));
  return (request, response) => {
    if (asksTooMuch(request, response, MOST_UNANSWERED[via])) return;
    const hasRoom = crowd.serve(request, response);
    if (!hasPlainHost(request)) return reply(response, 400, 'bad_request', NO_HOST);
    if (refuses(request, response)) return;
    forgetHost(request);
    const isUrgent = asksForLiveness(request);
    if (!hasRoom && !isUrgent) return replyTooMany(response);
    if (via === 'socket') return app(request, response);
    if (isTooLong(request, response)) return;
    // No route over TCP needs a body: the connection ends behind the answer instead of waiting for the body.
    if (hasBody(request)) response.shouldKeepAlive = false;
    const work = () => {
      if (!request.socket.destroyed) app(request, response);
    };
    if (isUrgent) turns.takeFirst(work);
    else if (!turns.take(peerOf(request.socket), work)) replyTooMany(response);
  };
}

/** The routes are loaded with the first request: services start earlier, and an opsd without requests stays small. */
function lazyApp(
  { queries, commands, clock, via, streams, log, pageLogs, hide }: ListenerOptions,
  turn: () => Promise<void>,
): RequestListener {
  let app: Promise<RequestListener> | null = null;
  const load = async (): Promise<RequestListener> => {
    const { newApp } = await import('../routes/app.ts');
    return newApp({ queries, commands, clock, via, streams, log, pageLogs, hide, turn });
  };
  return (request, response) => {
    app ??= load();
    app
      .then((answer) => answer(request, response))
      .catch((error: Error) => {
        app = null;
        log('error', 'an HTTP request failed', { error: error.message });
        if (response.headersSent) response.destroy();
        else reply(response, 503, 'unavailable', 'opsd cannot answer now; try again');
      });
  };
}

function isTooLong({ url = '' }: IncomingMessage, response: ServerResponse): boolean {
  if (url.length <= MAX_URL_BYTES) return false;
  reply(response, 414, 'too_large', `a URL may have at most ${MAX_URL_BYTES} bytes, and this one has ${url.length}`);
  return true;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function replyTooMany(response: ServerResponse): void {
  const after: Millis = COME_BACK_AFTER / 1_000;
  reply(response, 503, 'too_many', 'too many requests are being answered; try again', { 'Retry-After': String(after) });
}
