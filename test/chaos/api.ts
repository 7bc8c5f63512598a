// A client of the control socket.

import { request } from 'node:http';

export interface Reply {
  /** 0: nobody answered. */
  readonly status: number;
  readonly text: string;
}

export class Api {
  readonly #socketPath: string;
  readonly #daemon: () => number | null;
  readonly #onAnswer: () => void;

  /** `daemon`: the PID of the opsd that is there. `onAnswer` is called whenever it has answered. */
  constructor(socketPath: string, daemon: () => number | null, onAnswer: () => void) {
    this.#socketPath = socketPath;
    this.#daemon = daemon;
    this.#onAnswer = onAnswer;
  }

  /** The answer of an opsd that has ended since is none. */
  async ask(method: 'GET' | 'POST', path: string, timeoutMs: number): Promise<Reply> {
    const asked = this.#daemon();
    const reply = await this.#request(method, path, timeoutMs);
    if (reply.status === 0) return reply;
    if (asked === null || this.#daemon() !== asked) return { status: 0, text: `late: ${reply.text}` };
    this.#onAnswer();
    return reply;
  }

  #request(method: 'GET' | 'POST', path: string, timeoutMs: number): Promise<Reply> {
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
