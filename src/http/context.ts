// Types that all of HTTP shares: the kind of listener, the log, certificates, and Hono's application and context.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Hono } from 'hono';

export type HttpLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, string | number | boolean | null>>,
) => void;

export type ListenerKind = 'socket' | 'tcp';

/** A certificate, its key, and the authority (CA) of client certificates, in PEM. */
export interface TlsTexts {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** The certificate in force. */
export interface CertificateSource {
  /** null: no certificate can be used. */
  readonly current: TlsTexts | null;
  /** Clients may authenticate with a certificate (`client_ca` was set when opsd started). */
  readonly isForClients: boolean;
  onChange(listener: (texts: TlsTexts) => void): void;
}

type Env = { Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } };
export type App = Hono<Env>;
export type Ask = Context<Env>;
