// Answers to requests that reach no route: no HTTP, too large, too slow, or refused.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Enough for a proxy's headers; ctl needs 200 bytes. */
export const MAX_HEADER_BYTES = 16 * 1024;
export const MAX_HEADERS = 100;

/** Answers a request that Node could not parse, or that was too large or too slow. */
export function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  // Before the end of the TLS handshake no answer can be sent.
  if (!socket.writable || error.code === 'ECONNRESET' || /^ERR_(SSL|TLS)_/.test(error.code ?? '')) {
    socket.destroy();
    return;
  }
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ([
          '431 Request Header Fields Too Large',
          'too_large',
          `headers may have at most ${MAX_HEADER_BYTES} bytes`,
        ] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? (['408 Request Timeout', 'timeout', 'the request took too long to arrive'] as const)
        : (['400 Bad Request', 'bad_request', 'this is not an HTTP request'] as const);
  const body = `${JSON.stringify({ error: { code, message } })}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}

/** Answers without a route and closes the connection. */
export function reply(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close', ...headers });
  response.end(`${JSON.stringify({ error: { code, message } })}\n`);
}
