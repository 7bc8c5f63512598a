// Access over TCP: a client needs the token or a certificate that `client_ca` has signed; either is enough.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { Millis } from '../../core/model/spec.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { HttpLog } from '../context.ts';
import { peerOf } from '../peer.ts';
import { reply } from './refusals.ts';
import { asksForLiveness } from './target.ts';

const CHALLENGES = ['Bearer realm="opsd"', 'Basic realm="opsd", charset="UTF-8"'];
const NO_TOKEN = 'a token is required: send "Authorization: Bearer TOKEN", or the token as the password of Basic';
const NO_CERTIFICATE = 'a client certificate is required that daemon.tls.client_ca has signed';

/** Refusals are logged at most this often, with their number. */
const TELL_EVERY: Millis = 60_000;

export class Access {
  readonly #token: () => string | null;
  readonly #hasClientCa: boolean;
  readonly #log: HttpLog;
  readonly #clock: Pick<Clock, 'now'>;
  #refused = 0;
  #toldAt: Millis | null = null;

  constructor(token: () => string | null, hasClientCa: boolean, log: HttpLog, clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
    this.#token = token;
    this.#hasClientCa = hasClientCa;
    this.#log = log;
  }

  /** true: the client may not ask, and the refusal was sent. */
  refuses(request: IncomingMessage, response: ServerResponse): boolean {
    const token = this.#token();
    if (token === null && !this.#hasClientCa) return false;
    if (asksForLiveness(request)) return false;
    if (token !== null && hasToken(request, token)) return false;
    if (this.#hasClientCa && hasCertificate(request)) return false;
    this.#note(request);
    if (token === null) reply(response, 403, 'no_certificate', NO_CERTIFICATE);
    else reply(response, 401, 'no_token', NO_TOKEN, { 'WWW-Authenticate': CHALLENGES });
    return true;
  }

  #note({ socket }: IncomingMessage): void {
    this.#refused += 1;
    const now = this.#clock.now();
    if (this.#toldAt !== null && now - this.#toldAt < TELL_EVERY) return;
    this.#toldAt = now;
    this.#log('warn', 'refused over TCP, without token or certificate', { from: peerOf(socket), count: this.#refused });
    this.#refused = 0;
  }
}

/** Bearer comes from Prometheus and programs, Basic from browsers: any name, and the token as the password. */
function hasToken({ headers }: IncomingMessage, token: string): boolean {
  const [, scheme = '', sent = ''] = /^(Bearer|Basic) +([\w.~+/=-]+) *$/i.exec(headers.authorization ?? '') ?? [];
  if (scheme === '') return false;
  if (scheme.toLowerCase() === 'bearer') return isEqualInConstantTime(sent, token);
  const pair = Buffer.from(sent, 'base64').toString('utf8');
  return pair.includes(':') && isEqualInConstantTime(pair.slice(pair.indexOf(':') + 1), token);
}

/** Compares in a time that depends neither on the number of equal characters nor on the length of the token. */
function isEqualInConstantTime(sent: string, token: string): boolean {
  const { createHash, timingSafeEqual } = process.getBuiltinModule('node:crypto');
  const hash = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(sent), hash(token));
}

/** `authorized` alone is not enough: a resumed session is authorized without a certificate. */
function hasCertificate({ socket }: IncomingMessage): boolean {
  return isEncrypted(socket) && socket.authorized && socket.getPeerX509Certificate() !== undefined;
}

function isEncrypted(socket: IncomingMessage['socket']): socket is TLSSocket {
  return 'encrypted' in socket;
}
