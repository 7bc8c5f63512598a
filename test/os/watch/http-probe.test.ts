// Answers over HTTP as real servers give them, good and bad: what curl takes is taken.

import assert from 'node:assert/strict';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import tls from 'node:tls';
import { askForStatus } from '../../../src/os/watch/http-probe.ts';
import { newAuthority } from '../../support/certificates.ts';
import { scratch } from '../../support/scratch.ts';

type Answer = number | string;

function ask(url: string): Promise<Answer> {
  return new Promise((resolve) => {
    const end = askForStatus(new URL(url), (told) => {
      resolve('status' in told ? told.status : told.error);
      setImmediate(() => end());
    });
  });
}

/** What the probe makes of these bytes, which come in pieces of `size`, and then the end of the connection. */
async function answerTo(bytes: string, size = Number.POSITIVE_INFINITY): Promise<{ answer: Answer; request: string }> {
  let request = '';
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (asked) => {
      request = String(asked);
      const whole = Buffer.from(bytes, 'latin1');
      for (let at = 0; at < whole.length; at += size) socket.write(whole.subarray(at, at + size));
      socket.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const answer = await ask(`http://127.0.0.1:${port}/.well-known/live?a=b`);
  await new Promise((done) => server.close(done));
  return { answer, request };
}

/** Tried with curl 7.88: it takes all of these. */
const TAKEN: Readonly<Record<string, readonly [string, number]>> = {
  'the usual': ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok', 200],
  'lines that end with LF only': ['HTTP/1.1 200 OK\nContent-Length: 2\n\nok', 200],
  'both kinds of line ends': ['HTTP/1.1 503 Busy\nContent-Length: 2\r\n\nok', 503],
  'no reason phrase': ['HTTP/1.1 204\r\n\r\n', 204],
  'no reason phrase, and a space': ['HTTP/1.1 200 \r\n\r\n', 200],
  'HTTP/1.0 without a length': ['HTTP/1.0 200 OK\r\n\r\nok', 200],
  'HTTP/2 in its words': ['HTTP/2 200\r\n\r\n', 200],
  'lower case': ['http/1.1 200 ok\r\n\r\n', 200],
  'two spaces': ['HTTP/1.1  200 OK\r\n\r\n', 200],
  'no space behind the status': ['HTTP/1.1 200OK\r\n\r\n', 200],
  '100 before': ['HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 200],
  '103 and 102 before, with LF': ['HTTP/1.1 103 Early\nLink: x\n\nHTTP/1.1 102 P\n\nHTTP/1.1 500 No\n\n', 500],
  'a folded field': ['HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n\r\n', 200],
  'chunks with extensions': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n0\r\n\r\n', 200],
  'a length and chunks': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n', 200],
  'the same length twice': ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok', 200],
  'a space in front of a colon': ['HTTP/1.1 200 OK\r\nX-A : b\r\n\r\n', 200],
  'a field without a name': ['HTTP/1.1 200 OK\r\n: b\r\n\r\n', 200],
  'bytes that are not ASCII': ['HTTP/1.1 200 O\xfcK\r\nX: \xff\x01\r\n\r\n', 200],
  'no end of the head': ['HTTP/1.1 200 OK\r\nX: y\r\n', 200],
  'large fields': [`HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`, 200],
  'a redirection': ['HTTP/1.1 301 Moved\nLocation: /x\n\n', 301],
  'an odd status': ['HTTP/1.1 999 X\r\n\r\n', 999],
  'a body that is cut off': ['HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok', 200],
  'an empty line in front': ['\r\nHTTP/1.1 200 OK\r\n\r\n', 200],
};

test('what curl takes is taken, in one piece and byte by byte', async () => {
  for (const [name, [bytes, status]] of Object.entries(TAKEN)) {
    assert.equal((await answerTo(bytes)).answer, status, name);
    if (bytes.length < 1_000) assert.equal((await answerTo(bytes, 1)).answer, status, `${name}, byte by byte`);
  }
});

test('what is no response of HTTP is refused', async () => {
  const none = 'the answer does not begin with a status line of HTTP/1';
  const refused: Readonly<Record<string, readonly [string, string]>> = {
    nothing: ['', 'it closed the connection'],
    'a page without a head': ['<html>\nok</html>\n', none],
    'half a status line': ['HTTP/1.1 200', 'it closed the connection'],
    'HTTP/3': ['HTTP/3 200 OK\r\n\r\n', none],
    'a status of two digits': ['HTTP/1.1 20 OK\r\n\r\n', none],
    'a status of four': ['HTTP/1.1 2000 OK\r\n\r\n', none],
    'another protocol': ['SSH-2.0-OpenSSH_9.2p1\r\n', none],
    'a head without end': [
      `HTTP/1.1 200 OK\r\n${`X: ${'y'.repeat(1_000)}\r\n`.repeat(400)}`,
      'its header fields have more than 300 KiB',
    ],
  };
  for (const [name, [bytes, error]] of Object.entries(refused))
    assert.equal((await answerTo(bytes)).answer, error, name);
});

test('the request is one of HTTP/1.1, with the host, the path and the query', async () => {
  const { request } = await answerTo('HTTP/1.1 200 OK\r\n\r\n');
  assert.match(request, /^GET \/\.well-known\/live\?a=b HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nUser-Agent: opsd\r\n/);
  assert.match(request, /\r\nConnection: close\r\n\r\n$/);
  assert.doesNotMatch(request, /Authorization/);
});

test('a user and a password of the URL are sent as curl sends them, decoded', async () => {
  let request = '';
  const server = createServer((socket) => {
    socket.once('data', (asked) => {
      request = String(asked);
      socket.end('HTTP/1.1 200 OK\n\n');
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  assert.equal(await ask(`http://me:a%3Ab%20c@127.0.0.1:${port}/`), 200);
  await new Promise((done) => server.close(done));
  assert.match(request, new RegExp(`Authorization: Basic ${Buffer.from('me:a:b c').toString('base64')}\r\n`));
});

test('https: a certificate that is not trusted is refused, one that is trusted is not', async () => {
  await using folder = await scratch();
  const authority = newAuthority(folder.path, 'authority');
  const { texts } = authority.sign('server');
  const server = tls.createServer({ cert: texts.cert, key: texts.key }, (socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\nX: y\n\n'));
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const before = tls.getCACertificates('default');
  try {
    for (const host of ['127.0.0.1', 'localhost']) {
      assert.match(String(await ask(`https://${host}:${port}/`)), /certificate/);
    }
    tls.setDefaultCACertificates([authority.texts.cert]);
    for (const host of ['127.0.0.1', 'localhost']) assert.equal(await ask(`https://${host}:${port}/`), 200);
  } finally {
    tls.setDefaultCACertificates(before);
    await new Promise((done) => server.close(done));
  }
});
