// URLs and addresses of services: in full, or by the port alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, readAddress, readUrl } from '../../src/config/values/endpoint.ts';

test('a URL may be a port, a port and a path, or in full; without a path it asks whether the service lives', () => {
  for (const [written, url] of [
    [8080, 'http://127.0.0.1:8080/.well-known/live'],
    ['8080', 'http://127.0.0.1:8080/.well-known/live'],
    [':8080', 'http://127.0.0.1:8080/.well-known/live'],
    [':8080/health', 'http://127.0.0.1:8080/health'],
    ['8080/', 'http://127.0.0.1:8080/'],
    ['http://db:80', 'http://db:80/.well-known/live'],
    ['https://[::1]:8443/', 'https://[::1]:8443/'],
    ['http://localhost/x?y=1', 'http://localhost/x?y=1'],
    ['/health', '/health'],
  ] as const) {
    assert.deepEqual(readUrl(written), { ok: true, value: url }, String(written));
  }
});

test('what is no URL is told from one', () => {
  const rows: readonly (readonly [unknown, RegExp])[] = [
    [0, /a port from 1 to 65535/],
    [65_536, /a port from 1 to 65535/],
    [1.5, /a port from 1 to 65535/],
    [':99999/x', /a port from 1 to 65535/],
    ['localhost:80', /a URL such as .* write "http:\/\/localhost:80"$/],
    ['ftp://x/', /a URL such as/],
    ['http://x:99999/', /a URL such as/],
    ['http://x:0/', /a URL such as/],
    ['http://', /a URL such as/],
    ['http://a b/', /without blanks/],
    ['', /a URL such as/],
    [true, /a URL such as/],
    [[], /a URL such as/],
  ];
  for (const [written, message] of rows) {
    const result = readUrl(written);
    assert.match(result.ok ? `took it as ${result.value}` : `${result.expected} ${result.hint ?? ''}`, message);
  }
});

test('an address may be a port, and is printed so that it is read again', () => {
  for (const [written, host, port, printed] of [
    [5432, '127.0.0.1', 5432, '127.0.0.1:5432'],
    [':5432', '127.0.0.1', 5432, '127.0.0.1:5432'],
    ['db.example:1', 'db.example', 1, 'db.example:1'],
    ['[::1]:80', '::1', 80, '[::1]:80'],
  ] as const) {
    assert.deepEqual(readAddress(written), { ok: true, value: { host, port } });
    assert.equal(formatAddress({ host, port }), printed);
    assert.deepEqual(readAddress(printed), { ok: true, value: { host, port } });
  }
  for (const written of ['db', 'db:', ':0', 'db:65536', '::1:80', 'a b:80', 'http://x:80', -1, 1.5, {}]) {
    assert.equal(readAddress(written).ok, false, String(written));
  }
});
