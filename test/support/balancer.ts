// A TCP proxy in front of several backends: when one refuses, or ends without a word, the next one is asked.

import { connect, createServer, type Socket } from 'node:net';

/** The port it listens on; each connection goes to the next backend in turn. */
export async function balance(backends: readonly number[]): Promise<AsyncDisposable & { readonly port: number }> {
  const open = new Set<Socket>();
  let turn = 0;
  const server = createServer((client) => {
    open.add(client);
    client.on('error', () => undefined);
    client.on('close', () => open.delete(client));
    let asked = Buffer.alloc(0);
    let backend: Socket | null = null;
    const tryNext = (left: number) => {
      if (left === 0 || client.destroyed) return client.destroy();
      const port = backends[turn++ % backends.length] ?? 0;
      const to = connect(port, '127.0.0.1');
      backend = to;
      let hasAnswered = false;
      to.on('error', () => undefined);
      to.on('connect', () => to.write(asked));
      to.on('data', (bytes: Buffer) => {
        hasAnswered = true;
        client.write(bytes);
      });
      to.on('close', () => {
        if (hasAnswered) client.end();
        else tryNext(left - 1);
      });
      return undefined;
    };
    client.on('data', (bytes: Buffer) => {
      asked = Buffer.concat([asked, bytes]);
      if (backend === null) tryNext(backends.length);
      else backend.write(bytes);
    });
    client.on('close', () => backend?.destroy());
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** `count` ports in a row after the one that is returned are free, and none that the kernel gives to clients. */
export async function freePorts(count: number): Promise<number> {
  for (;;) {
    const base = 15_000 + Math.floor(Math.random() * 15_000);
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index + 1)));
    if (free.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
