// The target of a request: its request line alone chooses the route, never its Host header.

import type { IncomingMessage } from 'node:http';

/**
 * Open to every client, for probes: it says only whether opsd supervises. It is answered before all other requests, too:
 * a liveness probe that gets no answer would have opsd ended.
 */
const LIVE = '/.well-known/live';

const HOST = 'localhost';

/** The name or address of a host, with a port or without one. */
const PLAIN_HOST = /^(?:[a-z\d._-]+|\[[a-f\d:.]+\])(?::\d{0,5})?$/i;

export function asksForLiveness({ method, url }: IncomingMessage): boolean {
  return url === LIVE && (method === 'GET' || method === 'HEAD');
}

/** Whether the Host header is a host and no more. HTTP/1.0 may leave it out. */
export function hasPlainHost({ headersDistinct }: IncomingMessage): boolean {
  const { host: [host, ...more] = [HOST] } = headersDistinct;
  return more.length === 0 && host !== undefined && PLAIN_HOST.test(host);
}

/** The routes are chosen by a URL that is made of Host and request line; the client has no part in the Host from here on. */
export function forgetHost({ headers, rawHeaders }: IncomingMessage): void {
  headers.host = HOST;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toLowerCase() === 'host') rawHeaders[i + 1] = HOST;
  }
}
