// Answers to those who are not served at all: what is no HTTP, too long, too slow, or from whom it must not come.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Enough for a proxy's headers; ctl needs 200 bytes. */
export const MAX_HEADER_BYTES = 16 * 1024;
export const MAX_HEADERS = 100;

/** What is no HTTP, too big, or too slow. */
export function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  // Nothing can be said before the encryption is agreed.
  if (!socket.writable || error.code === 'ECONNRESET' || /^ERR_(SSL|TLS)_/.test(error.code ?? '')) {
    socket.destroy();
    return;
  }
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? (['431 Request Header Fields Too Large', 'too_large', `headers may have ${MAX_HEADER_BYTES} bytes`] as const)
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? (['408 Request Timeout', 'timeout', 'the request took too long to arrive'] as const)
        : (['400 Bad Request', 'bad_request', 'this is no HTTP request'] as const);
  const body = `${JSON.stringify({ error: { code, message } })}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}

/** An answer without any of the routes; the connection is closed behind it. */
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
