// The JSON body of a request, as far as it is one and small enough.

import type { IncomingMessage } from 'node:http';

export type Body =
  | { readonly ok: true; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly message: string };

const MAX_BODY_BYTES = 64 * 1024;

/** An empty body is an empty object. Never throws. */
export async function readBody(request: IncomingMessage): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        return { ok: false, status: 413, code: 'too_large', message: `a body may have ${MAX_BODY_BYTES} bytes` };
      }
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ok: true, fields: { ...value } };
  } catch {
    // Falls through: whatever came is no JSON, or did not come whole.
  }
  return { ok: false, status: 400, code: 'bad_request', message: 'expected a JSON object as the body' };
}
