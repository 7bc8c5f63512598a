// The shapes of the API's answers.

import type { ServerResponse } from 'node:http';

/** `{"error": {"code", "message"}}` with a status that fits. */
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

/** What every answer says: it is of this moment, and of this type. */
export const PLAIN = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };

/** Bytes that many share are written as they are: a Response would copy them for each. */
export function sendBytes(out: ServerResponse, bytes: Uint8Array<ArrayBuffer>, type: string): Response {
  out.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, ...PLAIN });
  out.end(bytes);
  return underWay();
}

/** Tells @hono/node-server that the answer is being written to the outgoing message already. */
export function underWay(): Response {
  return new Response(null, { headers: { 'x-hono-already-sent': 'true' } });
}
