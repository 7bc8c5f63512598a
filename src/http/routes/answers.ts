// The forms of the API's answers: errors, JSON, bytes, streams.

import type { ServerResponse } from 'node:http';

/** An error: `{"error": {"code", "message"}}`. */
export function failure(status: number, code: string, message: string, headers: Record<string, string> = {}): Response {
  return answer(`${JSON.stringify({ error: { code, message } })}\n`, 'application/json', status, headers);
}

export function json(value: unknown, status = 200): Response {
  return answer(`${JSON.stringify(value)}\n`, 'application/json', status);
}

export function answer(
  body: Uint8Array<ArrayBuffer> | string,
  type: string,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(body, { status, headers: { 'Content-Type': type, ...PLAIN, ...headers } });
}

/** Headers of every answer: no cache may keep it, and no browser may guess another type. */
export const PLAIN = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

/** Sends bytes that many clients share without a copy; a Response would copy them for each client. */
export function sendBytes(out: ServerResponse, bytes: Uint8Array<ArrayBuffer>, type: string): Response {
  out.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, ...PLAIN });
  out.end(bytes);
  return alreadySent();
}

/** An error in place of an answer that was to be a stream. */
export function sendFailure(out: ServerResponse, status: number, code: string, message: string): void {
  out.writeHead(status, { 'Content-Type': 'application/json', ...PLAIN });
  out.end(`${JSON.stringify({ error: { code, message } })}\n`);
}

/** Tells @hono/node-server that the answer is being written to the outgoing message already. */
export function alreadySent(): Response {
  return new Response(null, { headers: { 'x-hono-already-sent': 'true' } });
}
