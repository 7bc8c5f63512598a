// What all of HTTP shares: which listener a request came through, the log, and Hono's application and context as opsd uses them.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context, Hono } from 'hono';

export type Log = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, string | number | boolean | null>>,
) => void;

export type Door = 'socket' | 'tcp';

type Env = { Bindings: { incoming: IncomingMessage; outgoing: ServerResponse } };
export type App = Hono<Env>;
export type Ask = Context<Env>;
