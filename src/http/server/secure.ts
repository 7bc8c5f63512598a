// HTTPS: a TCP listener whose certificate can be replaced while it listens.

import type { RequestListener } from 'node:http';
import type { Server, ServerOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Millis } from '../../core/model/spec.ts';
import type { CertificateSource, TlsTexts } from '../context.ts';

/** A connection that has not completed its TLS handshake by then is closed. */
const HANDSHAKE_TIMEOUT: Millis = 10_000;

/** Accepts no certificate of a client. Without `ca` the public authorities that Node knows would count. */
const NOBODY: string[] = [];

/**
 * Without a usable certificate every handshake fails: opsd never falls back to plain text. A client without a certificate
 * may complete the handshake; Access decides what it may ask.
 */
export function newSecureServer(options: ServerOptions, listen: RequestListener, source: CertificateSource): Server {
  const { createServer } = process.getBuiltinModule('node:https');
  const { current, isForClients: requestCert } = source;
  const server = createServer(
    {
      ...options,
      ...(current === null ? { ca: NOBODY } : contextOf(current)),
      requestCert,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT,
    },
    listen,
  );
  let last = current;
  source.onChange((texts) => {
    const clientCa = texts.clientCa ?? last?.clientCa ?? null;
    const isOtherCa = requestCert && last !== null && clientCa !== last.clientCa;
    last = { ...texts, clientCa: requestCert ? clientCa : null };
    server.setSecureContext(contextOf(last));
    // The new authority may not accept the clients that the old one has let in.
    if (isOtherCa) server.closeAllConnections();
  });
  return server;
}

/** Sessions are not resumed (no tickets): each connection shows its certificate to the authority in force. */
function contextOf({ cert, key, clientCa }: TlsTexts): SecureContextOptions {
  const { constants } = process.getBuiltinModule('node:crypto');
  return { cert, key, ca: clientCa ?? NOBODY, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET };
}
