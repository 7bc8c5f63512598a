// HTTP requests as a test wants them: to either door, whole, raw, or as a stream.

import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Asked {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

/** `door`: the path of a socket, or `127.0.0.1:9640`. */
export async function ask(door: string, path: string, asked: Asked = {}): Promise<Reply> {
  const response = await open(door, path, asked);
  return { status: response.statusCode ?? 0, headers: response.headers, body: await text(response) };
}

/** The response as soon as its head is there. */
export function open(door: string, path: string, asked: Asked = {}): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request({
      ...place(door),
      path,
      method: asked.method ?? 'GET',
      headers: asked.headers ?? {},
      agent: false,
    });
    sent.once('error', reject);
    sent.once('response', resolve);
    sent.end(asked.body);
  });
}

/** What comes back for these bytes until the other side closes, or stays silent for `patienceMs`. */
export function raw(door: string, bytes: string | Buffer, patienceMs = 2_000): Promise<string> {
  return new Promise((resolve) => {
    const to = place(door);
    const socket = 'socketPath' in to ? connect(to.socketPath) : connect(Number(to.port), to.host);
    let got = '';
    socket.setEncoding('latin1');
    socket.setTimeout(patienceMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      got += chunk;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(got));
    socket.write(bytes);
  });
}

export function errorCode({ body }: Reply): string {
  return JSON.parse(body).error.code;
}

function place(door: string): { socketPath: string } | { host: string; port: string } {
  if (door.startsWith('/')) return { socketPath: door };
  const [host = '', port = ''] = door.split(':');
  return { host, port };
}
