// HTTP requests as a client of opsd makes them, over its socket or over TCP.

import { type RequestOptions, request } from 'node:http';
import { createServer } from 'node:net';

export interface Reply {
  readonly status: number;
  readonly body: string;
}

const LIMIT_MS = 60_000;

export function ask(to: RequestOptions, method: string, path: string, body?: unknown): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const message = request({ ...to, method, path, agent: false, timeout: LIMIT_MS }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      response.on('error', reject);
    });
    message.on('timeout', () => message.destroy(new Error(`no answer to ${method} ${path} in ${LIMIT_MS} ms`)));
    message.on('error', reject);
    message.end(body === undefined ? '' : JSON.stringify(body));
  });
}

/** Nobody listens there now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
