// A client of the control socket.

import { request } from 'node:http';

export interface Reply {
  /** 0: nobody answered. */
  readonly status: number;
  readonly text: string;
}

export class Api {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  ask(method: 'GET' | 'POST', path: string, timeoutMs: number): Promise<Reply> {
    return new Promise((resolve) => {
      const headers = method === 'POST' ? { 'content-type': 'application/json', 'content-length': 2 } : {};
      const asked = request({ socketPath: this.#socketPath, method, path, headers, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
        response.on('error', ({ message }) => resolve({ status: 0, text: message }));
      });
      asked.setTimeout(timeoutMs, () => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)));
      asked.on('error', ({ message }) => resolve({ status: 0, text: message }));
      asked.end(method === 'POST' ? '{}' : undefined);
    });
  }
}
