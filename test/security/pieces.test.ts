// What HTTP can do, it can do in pieces as well: bodies, pipelining, slow readers, over a port, a socket and TLS.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { parseInPieces } from '../../src/runtime/pieces.ts';
import { ask, raw } from '../http/ask.ts';
import { openDoors } from '../http/doors.ts';
import { newAuthority } from '../support/certificates.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

/** Says how long the body was, with as much behind it as `x-more` wants. */
async function measure(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // Slower than the sender: Node pauses the connection.
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end(`<${request.url}=${size}>${'.'.repeat(Number(request.headers['x-more'] ?? 0))}`);
}

interface Way extends AsyncDisposable {
  open(): Socket;
}

async function way(kind: 'TCP' | 'a socket' | 'TLS', answer: typeof measure = measure): Promise<Way> {
  await using opened = new AsyncDisposableStack();
  const { path } = opened.use(await scratch());
  const authority = kind === 'TLS' ? newAuthority(path, 'authority') : null;
  const texts = authority?.sign('server').texts;
  const server: Server = texts === undefined ? createServer(answer) : createSecure(texts, answer);
  server.on(texts === undefined ? 'connection' : 'secureConnection', parseInPieces);
  const place = kind === 'a socket' ? join(path, 's') : 0;
  if (place === 0) server.listen(0, '127.0.0.1');
  else server.listen(place);
  await once(server, 'listening');
  opened.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  const all = opened.move();
  return {
    open() {
      if (typeof address === 'string') return connect(address);
      const to = { host: '127.0.0.1', port: address?.port ?? 0 };
      return authority === null ? connect(to) : connectTls({ ...to, ca: authority.texts.cert });
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

for (const kind of ['TCP', 'a socket', 'TLS'] as const) {
  test(`all requests of one write are answered in their order over ${kind}, whatever their bodies`, async () => {
    await using to = await way(kind);
    using socket = new Ended(to.open());
    const wanted: string[] = [];
    let words = '';
    for (let n = 0; n < 60; n += 1) {
      const size = [0, 1, 127, 128, 129, 5_000, 300_000][n % 7] ?? 0;
      const body = '\r\n\r\n'.repeat(size).slice(0, size);
      const isChunked = n % 2 === 1 && size > 0;
      words += `POST /${n} HTTP/1.1\r\nHost: x\r\nX-Long: ${'y'.repeat(n * 40)}\r\n`;
      words += isChunked
        ? `Transfer-Encoding: chunked\r\n\r\n${size.toString(16)}\r\n${body}\r\n0\r\n\r\n`
        : `Content-Length: ${size}\r\n\r\n${body}`;
      wanted.push(`</${n}=${size}>`);
    }
    socket.say(words);
    await waitFor('the last answer', () => socket.text.includes('</59='), 20_000);
    assert.deepEqual(socket.text.match(/<\/\d+=\d+>/g), wanted);
  });

  test(`who reads the answers late gets all of them over ${kind}`, async () => {
    await using to = await way(kind);
    const raw = to.open();
    using socket = new Ended(raw);
    raw.pause();
    socket.say('GET /a HTTP/1.1\r\nHost: x\r\nX-More: 200000\r\n\r\n'.repeat(100));
    // The last of these is behind all that Node holds back.
    socket.say('GET /last HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => setImmediate(resolve));
    raw.resume();
    await waitFor('the last answer', () => socket.text.includes('</last=0>'), 20_000);
    assert.equal(socket.text.match(/<\/a=0>/g)?.length, 100);
  });

  test(`an error in a request is answered once at most over ${kind}, and ends the connection`, async () => {
    await using to = await way(kind);
    using socket = new Ended(to.open());
    socket.say(`GET / HTTP/1.1\r\nHost: x\r\n\r\nnonsense\r\n\r\n${'more of it\r\n'.repeat(3_000)}`);
    await waitFor('the end', () => socket.isOver);
    assert.equal((socket.text.match(/HTTP\/1\.1 400/g)?.length ?? 0) <= 1, true);
  });
}

test('one who was sent away is not read on', async () => {
  let asked = 0;
  await using to = await way('TCP', async (request) => {
    asked += 1;
    request.socket.destroy();
  });
  using socket = new Ended(to.open());
  socket.say('GET /x HTTP/1.1\r\nHost:\r\n\r\n'.repeat(2_400));
  await waitFor('the end', () => socket.isOver);
  assert.ok(asked < 10, `${asked} requests`);
});

test('an order may be as long as before, and one that is too long is told the limit', async () => {
  await using doors = await openDoors();
  const order = (size: number) => {
    const text = JSON.stringify({ action: 'restart', services: ['none'] });
    return ask(doors.socket, '/api/v1/orders', { method: 'POST', body: text + ' '.repeat(size - text.length) });
  };
  assert.equal((await order(64 * 1024)).status, 404);
  assert.match((await order(64 * 1024 + 1)).body, /at most 65536 bytes/);
  const text = JSON.stringify({ action: 'restart', services: ['none'] });
  const expects = `POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n`;
  assert.match(await raw(doors.socket, expects + text), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 404/);
  const connects = 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n';
  const upgrades = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n';
  for (const door of [doors.socket, doors.tcp]) {
    assert.equal(await raw(door, connects.repeat(100)), '');
    assert.match(await raw(door, upgrades), /^HTTP\/1\.1 200/);
  }
});

/** A client, and what it was told. */
class Ended implements Disposable {
  text = '';
  isOver = false;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (piece) => {
      this.text += piece;
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.isOver = true;
    });
  }

  say(words: string): void {
    this.#socket.write(words);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
