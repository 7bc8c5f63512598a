// A request whose length can be read in two ways is refused, and nothing behind it is answered: no proxy in front of opsd
// can be led to take one client's answer for another's.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';

const HOST = 'Host: localhost\r\n';
const SMUGGLED = `GET /metrics HTTP/1.1\r\n${HOST}\r\n`;
const TWO_LENGTHS: Readonly<Record<string, string>> = {
  'Content-Length and Transfer-Encoding': 'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a tab for a blank': 'Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n',
  'two lengths': 'Content-Length: 0\r\nContent-Length: 5\r\n\r\n',
  'a chunk that ends with a line feed': 'Transfer-Encoding: chunked\r\n\r\n0\n\n',
  'chunked in the middle': 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
  'a length with a sign': 'Content-Length: +0\r\n\r\n',
  'a folded length': 'Content-Length:\r\n 0\r\n\r\n',
};

test('of a request with two lengths only the refusal is answered', async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "600"]\n', http: 'on' });
  for (const [what, head] of Object.entries(TWO_LENGTHS)) {
    for (const method of ['GET', 'POST']) {
      const answer = await said(opsd.port, `${method} / HTTP/1.1\r\n${HOST}${head}${SMUGGLED}`);
      const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
      assert.deepEqual(statuses, ['400'], `${method} with ${what}: ${answer.slice(0, 300)}`);
    }
  }
  const whole = await said(opsd.port, `GET / HTTP/1.1\r\n${HOST}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`);
  assert.equal([...whole.matchAll(/HTTP\/1\.1 \d{3}/g)].length, 1, 'a body is no second request');
});

/** All that opsd says until it hangs up. */
function said(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8').on('data', (piece) => {
      answer += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}
