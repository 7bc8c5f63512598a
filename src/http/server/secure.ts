// HTTPS: the TCP listener with a certificate that can be renewed while it listens.

import type { RequestListener } from 'node:http';
import type { Server, ServerOptions } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { Millis } from '../../core/model/spec.ts';
import type { CertificateSource, TlsTexts } from '../context.ts';

/** Who has not agreed on an encryption by then is no client. */
const HANDSHAKE_TIMEOUT: Millis = 10_000;

/**
 * Without a certificate that can be used no handshake succeeds: nobody is answered in clear instead. Whoever has no
 * certificate of his own may still shake hands; what he may ask is decided by Access.
 */
export function newSecureServer(options: ServerOptions, listen: RequestListener, source: CertificateSource): Server {
  const { createServer } = process.getBuiltinModule('node:https');
  const { current, isForClients: requestCert } = source;
  const server = createServer(
    {
      ...options,
      ...(current === null ? {} : contextOf(current)),
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
    // Who was let in by the old ones may not be by the new ones.
    if (isOtherCa) server.closeAllConnections();
  });
  return server;
}

/** Sessions are not resumed: who comes back shows its certificate again, to the authorities of that moment. */
function contextOf({ cert, key, clientCa }: TlsTexts): SecureContextOptions {
  const { constants } = process.getBuiltinModule('node:crypto');
  const ca = clientCa === null ? {} : { ca: clientCa };
  return { cert, key, ...ca, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_TICKET };
}
