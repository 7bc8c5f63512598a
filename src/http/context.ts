// What all of HTTP shares: which listener a request came through, the log, and Hono's application and context as opsd uses them.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Hono } from 'hono';

export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, string | number | boolean | null>>,
) => void;

export type ListenerKind = 'socket' | 'tcp';

/** A certificate, its key, and who signs those of clients; in PEM. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** The certificate in force. */
export interface CertificateSource {
  /** null: there is none that can be used. */
  readonly current: TlsTexts | null;
  /** Clients are let in by theirs, as the configuration said when opsd started. */
  readonly isForClients: boolean;
  onChange(listener: (texts: TlsTexts) => void): void;
}

type Env = { Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } };
export type App = Hono<Env>;
export type Ask = Context<Env>;
