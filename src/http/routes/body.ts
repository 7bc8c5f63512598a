// The JSON body of a request: its size and its fields are checked.

import type { IncomingMessage } from 'node:http';

type Body =
  | { readonly ok: true; readonly fields: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly status: number; readonly code: string; readonly message: string };

const MAX_BODY_BYTES = 64 * 1024;

/** The fields that a body may have; `other`: the route checks the value itself. */
type KnownFields = Readonly<Record<string, 'boolean' | 'other'>>;

/** An empty body is an empty object. A field that is not in `known` is refused, as it may change the command. Never throws. */
export async function readBody(request: IncomingMessage, known: KnownFields): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        return {
          ok: false,
          status: 413,
          code: 'too_large',
          message: `a body may have at most ${MAX_BODY_BYTES} bytes`,
        };
      }
      chunks.push(chunk);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const fields: Readonly<Record<string, unknown>> = { ...value };
      const doubt = problemWith(fields, known);
      return doubt === null ? { ok: true, fields } : { ok: false, status: 400, code: 'bad_request', message: doubt };
    }
  } catch {
    // Falls through: the body is no JSON, or the connection ended before it was complete.
  }
  return { ok: false, status: 400, code: 'bad_request', message: 'expected a JSON object as the body' };
}

function problemWith(fields: Readonly<Record<string, unknown>>, known: KnownFields): string | null {
  for (const [name, value] of Object.entries(fields)) {
    if (!Object.hasOwn(known, name)) {
      const names = Object.keys(known).join(', ');
      return `${JSON.stringify(name)} is not a field of this request; ${names === '' ? 'it has no fields' : `its fields are ${names}`}`;
    }
    if (known[name] === 'boolean' && typeof value !== 'boolean') return `${name}: expected true or false`;
  }
  return null;
}
