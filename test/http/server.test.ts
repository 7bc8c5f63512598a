// The two doors: how they open and close, who may be there already, and what they survive.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { RuntimeError } from '../../src/errors.ts';
import { startServers } from '../../src/http/server/server.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';
import { ask, errorCode, raw } from './ask.ts';
import { openDoors } from './doors.ts';
import { FakeControl, service, UP } from './fake-control.ts';

const fake = new FakeControl();
const quiet = {
  clock: systemClock,
  queries: fake,
  commands: fake,
  socketMode: 0o600,
  socketGid: null,
  tcp: null,
  log: () => undefined,
};
const isRuntimeError = (text: RegExp) => (error: unknown) => error instanceof RuntimeError && text.test(error.message);

test('the socket has its mode from its first moment, and no draft of it stays', async () => {
  await using folder = await scratch();
  const socketPath = join(folder.path, 'opsd.sock');
  await using _ = await startServers({
    ...quiet,
    socketPath,
    socketMode: 0o660,
    socketGid: process.getgid?.() ?? 0,
  });
  assert.equal(statSync(socketPath).mode & 0o777, 0o660);
  assert.deepEqual(readdirSync(folder.path), ['opsd.sock']);
});

test('the socket goes with the daemon', async () => {
  await using folder = await scratch();
  const socketPath = join(folder.path, 'opsd.sock');
  const servers = await startServers({ ...quiet, socketPath });
  await servers[Symbol.asyncDispose]();
  assert.equal(existsSync(socketPath), false);
});

test("another daemon's socket is left alone at the end", async () => {
  await using folder = await scratch();
  const socketPath = join(folder.path, 'opsd.sock');
  const servers = await startServers({ ...quiet, socketPath });
  writeFileSync(join(folder.path, 'other'), '');
  renameSync(join(folder.path, 'other'), socketPath);
  await servers[Symbol.asyncDispose]();
  assert.equal(existsSync(socketPath), true);
});

test('the socket of a daemon that was killed is taken over', async () => {
  await using folder = await scratch();
  const socketPath = join(folder.path, 'opsd.sock');
  const script = `require('net').createServer().listen(${JSON.stringify(socketPath)}, () => console.log('up'))`;
  const dead = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(dead.stdout, 'data');
  dead.kill('SIGKILL');
  await once(dead, 'exit');
  assert.equal(existsSync(socketPath), true);
  await using _ = await startServers({ ...quiet, socketPath });
  assert.equal((await ask(socketPath, '/api/v1/services')).status, 200);
});

test('a second daemon is refused, and the first goes on', async () => {
  await using doors = await openDoors();
  await assert.rejects(
    startServers({ ...quiet, socketPath: doors.socket }),
    isRuntimeError(/another opsd answers on .*shutdown/),
  );
  assert.equal((await ask(doors.socket, '/api/v1/services')).status, 200);
});

test('what is no socket is not removed', async () => {
  await using folder = await scratch();
  const socketPath = join(folder.path, 'opsd.sock');
  writeFileSync(socketPath, 'precious');
  await assert.rejects(startServers({ ...quiet, socketPath }), isRuntimeError(/is not a socket; move it away/));
  assert.equal(lstatSync(socketPath).isFile(), true);
});

test('a path too long for a unix socket is told as that', async () => {
  const socketPath = `/${'x'.repeat(60)}/${'y'.repeat(60)}/opsd.sock`;
  await assert.rejects(
    startServers({ ...quiet, socketPath }),
    isRuntimeError(/too long: .* has 132 bytes.* 107; .*PREFIX/),
  );
});

test('a socket that was removed with its folder is made anew', async () => {
  await using doors = await openDoors([service('web', UP)], { lookEvery: 20 });
  rmSync(doors.folder, { recursive: true });
  await waitFor('the socket', () => existsSync(doors.socket));
  assert.equal(statSync(doors.socket).mode & 0o777, 0o600);
  assert.equal((await ask(doors.socket, '/api/v1/services/web')).status, 200);
  assert.equal(doors.log.filter((line) => line.startsWith('warn the control socket was removed')).length, 1);
});

test('a socket that cannot be made anew is told once, and tried again', async () => {
  await using doors = await openDoors([], { lookEvery: 10 });
  rmSync(doors.folder, { recursive: true });
  writeFileSync(doors.folder, 'in the way');
  await waitFor('the complaint', () => doors.log.some((line) => line.startsWith('error cannot restore')));
  rmSync(doors.folder);
  mkdirSync(doors.folder);
  await waitFor('the socket', () => existsSync(doors.socket));
  assert.equal(doors.log.filter((line) => line.startsWith('error')).length, 1);
});

test('a port in use is told with a remedy, and the socket is not made', async () => {
  await using folder = await scratch();
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const bound = other.address();
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
  const options = { ...quiet, socketPath: join(folder.path, 's'), tcp: { host: '127.0.0.1', port } };
  await assert.rejects(
    startServers(options),
    isRuntimeError(/cannot listen on 127.0.0.1:\d+: the port is in use.*daemon.http/),
  );
  assert.deepEqual(readdirSync(folder.path), []);
  other.close();
});

test('an address of another machine is told as that', async () => {
  const tcp = { host: '192.0.2.1', port: 1 };
  await assert.rejects(startServers({ ...quiet, socketPath: '/nowhere/s', tcp }), isRuntimeError(/daemon\.http/));
});

test('malformed requests get an answer, and the next one is served', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const requests = [
    '\r\n\r\n\r\n',
    'nonsense\r\n\r\n',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'GET /x HTTP/1.1\r\n\r\n',
    'GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET /x HTTP/1.1\r\nHost: [::\r\n\r\n',
    'GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET \\\\x HTTP/1.1\r\nHost: localhost\r\n\r\n',
    `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    `GET /x HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    'POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n',
    'POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n',
    'CONNECT evil:80 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
  ];
  for (const door of [doors.socket, doors.tcp]) {
    const replies = await Promise.all(requests.map((request) => raw(door, request, 300)));
    for (const [place, reply] of replies.entries())
      assert.match(reply, /^(HTTP\/1\.1 [45]|$)/, `request ${place}: ${reply}`);
    assert.equal((await ask(door, '/api/v1/services')).status, 200);
  }
  assert.equal(doors.control.orders.length, 0);
});

test('headers above 16 KiB are a 431', async () => {
  await using doors = await openDoors();
  const reply = await ask(doors.tcp, '/', { headers: { X: 'x'.repeat(15_000), Y: 'y'.repeat(5_000) } });
  assert.deepEqual([reply.status, errorCode(reply)], [431, 'too_large']);
});

test('a URL above 4 KiB is a 414 on TCP; on the socket it may name many services', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const path = `/api/v1/services?${'service=web&'.repeat(400)}`;
  const reply = await ask(doors.tcp, path);
  assert.deepEqual([reply.status, errorCode(reply)], [414, 'too_large']);
  assert.match(reply.body, /may have at most 4096 bytes, and this one has 4817/);
  assert.equal((await ask(doors.socket, path)).status, 200);
});

test('what TCP is asked needs no body: it is answered without one, and the connection is closed', async () => {
  await using doors = await openDoors();
  const half = 'GET /.well-known/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\nx';
  const reply = await raw(doors.tcp, half);
  assert.match(reply, /^HTTP\/1\.1 200 .*\r\nconnection: close\r\n.*"status":"live"/is);
});

test('10,000 connections at the port: the socket answers all the while, and the port again afterwards', async () => {
  await using doors = await openDoors([service('web', UP)]);
  const before = process.memoryUsage().rss;
  const crowd = new Set<Socket>();
  const disperse = () => {
    for (const socket of crowd) socket.destroy();
  };
  using _ = { [Symbol.dispose]: disperse };
  const [host = '', port = ''] = doors.tcp.split(':');
  for (let sent = 0; sent < 10_000; sent++) {
    const socket = connect(Number(port), host);
    crowd.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => crowd.delete(socket));
    socket.resume();
    if (sent % 100 === 99) assert.equal((await ask(doors.socket, '/api/v1/services')).status, 200);
  }
  // Those that the kernel had no room for in the queue of the port may never learn of it: not all are sent away.
  await waitFor('those that were met to be sent away', () => crowd.size < 9_000);
  assert.ok(process.memoryUsage().rss - before < 200e6);
  disperse();
  await waitFor('room at the port', async () => {
    const reply = await ask(doors.tcp, '/.well-known/live').catch(() => null);
    return reply?.status === 200;
  });
});

test('who asks for thousands of things at once is cut off, and most of it is not even begun', async () => {
  await using doors = await openDoors();
  const { control } = doors;
  const metrics = control.metrics.bind(control);
  let scrapes = 0;
  control.metrics = () => {
    scrapes += 1;
    return metrics();
  };
  for (const door of [doors.tcp, doors.socket]) {
    await raw(door, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(10_000), 20_000);
    assert.equal((await ask(door, '/.well-known/live')).status, 200);
  }
  assert.ok(scrapes <= 40, `${scrapes} scrapes`);
});
