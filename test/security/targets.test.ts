// Whatever a client writes as Host and as target of its request: what it may ask without the token is what it gets.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { test } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';
import { raw } from '../http/ask.ts';
import { type Doors, openDoors } from '../http/doors.ts';
import { service, UP } from '../http/fake-control.ts';
import { newAuthority } from '../support/certificates.ts';
import { scratch } from '../support/scratch.ts';

const TOKEN = 'Zm9vYmFyYmF6cXV4cXV1eA0123';
const LIVE = '/.well-known/live';

const HOSTS = [
  'localhost',
  'localhost:9640',
  '127.0.0.1',
  '[::1]:9640',
  '[::ffff:127.0.0.1]',
  'ops_1.example.org.',
  'XN--TDA.example:1',
];

/** A Host with a path of its own, as long as the name that it becomes in a URL. */
function hiding(path: string): string {
  const labels = Array.from({ length: 1 + Math.ceil(path.length / 6) }, () => '\xfc').join('.');
  const length = labels.replaceAll('\xfc', 'xn--tda').length;
  return `${labels}${path}?`.padEnd(length, 'x');
}

const BAD_HOSTS = [
  hiding('/api/v1/services'),
  hiding('/metrics'),
  hiding('/'),
  '\xfc.\xfc.\xfc/api/v1/services?x',
  '',
  ' ',
  '/',
  ':80',
  'localhost/api/v1/services?',
  'localhost/api/v1/services#',
  'localhost\\api',
  'localhost?',
  'localhost#',
  'localhost%2fmetrics',
  'user@localhost',
  'user:password@localhost',
  'localhost, other',
  'localhost other',
  'localhost\t/metrics',
  'localhost:port',
  'localhost:80/metrics',
  'localhost:123456',
  '[::1',
  '[::1]/metrics',
  '[::1%25lo]',
  '[]',
  '::1',
  'b\xfccher.example',
  '\x80',
];

const TARGETS = [
  LIVE,
  `${LIVE}?`,
  `${LIVE}?x=/metrics`,
  `${LIVE}#/metrics`,
  `${LIVE}/`,
  `${LIVE}/../../metrics`,
  `${LIVE}/%2e%2e/%2e%2e/metrics`,
  `${LIVE}/..%2f..%2fmetrics`,
  `${LIVE};/../../metrics`,
  `${LIVE}%20`,
  `${LIVE}%00`,
  `${LIVE}\\..\\..\\metrics`,
  `/.well-known/%6cive`,
  `/x/..${LIVE}`,
  `/metrics/..${LIVE}`,
  `/.${LIVE}`,
  `/${LIVE}`,
  '/.WELL-KNOWN/LIVE',
  '//evil/metrics',
  '//evil@localhost/metrics',
  '/api/v1/services',
  '/%61pi/v1/services',
  '/metrics',
  '/',
  '*',
  '@evil/metrics',
  ':80/metrics',
  '.evil/metrics',
  'http://localhost/metrics',
  `http://localhost${LIVE}`,
  `http://localhost${LIVE}/../../metrics`,
  `http://localhost/metrics?${LIVE}`,
  `http://${LIVE}`,
  `HTTP://localhost/metrics`,
  `https://localhost/metrics`,
  'http://user:password@localhost/metrics',
  'http://\xfc.\xfc/metrics',
];

const open = () => openDoors([service('web', UP)], { token: () => TOKEN, tcp: { host: '0.0.0.0', port: 0 } });

interface Said {
  readonly method?: string;
  readonly target: string;
  /** Values of Host headers. */
  readonly hosts: readonly string[];
  readonly token?: boolean;
  readonly version?: string;
}

async function said(door: string, { method = 'GET', target, hosts, token = false, version = '1.1' }: Said) {
  const lines = [`${method} ${target} HTTP/${version}`, ...hosts.map((host) => `Host: ${host}`), 'Connection: close'];
  if (token) lines.push(`Authorization: Bearer ${TOKEN}`);
  const answer = await raw(door, Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'));
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  const [, status = '0'] = /^HTTP\/1\.1 (\d{3})/.exec(head) ?? [];
  return { status: Number(status), body };
}

/** Of an answer, what is the same each time. */
const kind = ({ status, body }: { status: number; body: string }) =>
  `${status} ${body.slice(0, 60).replace(/\d/g, '0')}`;

async function letsNobodyIn(doors: Doors, hosts: readonly string[]): Promise<void> {
  for (const target of TARGETS) {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const answer = await said(doors.tcp, { method, target, hosts });
      const isOpen = target === LIVE && (method === 'GET' || method === 'HEAD');
      const what = `${method} ${target} of ${JSON.stringify(hosts)}: ${answer.status} ${answer.body.slice(0, 100)}`;
      if (!isOpen) assert.ok([400, 401].includes(answer.status), what);
      else if (answer.status !== 400) {
        assert.equal(answer.status, 200, what);
        if (method === 'GET') assert.match(answer.body, /^\{"status":"live"/, what);
      }
    }
  }
}

test('without the token only /.well-known/live is answered, and with nothing else, whatever the target', async () => {
  await using doors = await open();
  for (const hosts of [['localhost'], ['opsd.example:9640'], [hiding('/api/v1/services')]])
    await letsNobodyIn(doors, hosts);
});

test('a Host that is more than a host is refused on both listeners, with and without the token', async () => {
  await using doors = await open();
  for (const host of BAD_HOSTS) {
    for (const target of [LIVE, '/metrics', '.evil/metrics']) {
      for (const token of [false, true]) {
        const { status, body } = await said(doors.tcp, { target, hosts: [host], token });
        assert.equal(status, 400, `${JSON.stringify(host)} ${target}: ${body.slice(0, 100)}`);
      }
    }
    assert.equal((await said(doors.socket, { target: '/api/v1/services', hosts: [host] })).status, 400, host);
  }
  for (const hosts of [['localhost', 'localhost'], ['localhost', 'evil'], ['localhost', ''], []]) {
    for (const door of [doors.tcp, doors.socket]) {
      assert.equal((await said(door, { target: LIVE, hosts, token: true })).status, 400, JSON.stringify(hosts));
    }
  }
});

test('no route depends on the Host', async () => {
  await using doors = await open();
  for (const target of TARGETS) {
    for (const door of [doors.tcp, doors.socket]) {
      const expected = kind(await said(door, { target, hosts: ['localhost'], token: true }));
      for (const host of HOSTS.slice(1)) {
        assert.equal(kind(await said(door, { target, hosts: [host], token: true })), expected, `${target} of ${host}`);
      }
      // HTTP/1.0 may leave it out.
      assert.equal(kind(await said(door, { target, hosts: [], token: true, version: '1.0' })), expected, target);
    }
  }
  for (const host of HOSTS) assert.equal((await said(doors.tcp, { target: LIVE, hosts: [host] })).status, 200, host);
});

test('where no authority of clients can be read, the public ones let nobody in', async () => {
  await using folder = await scratch();
  const known = newAuthority(folder.path, 'public');
  setDefaultCACertificates([known.texts.cert]);
  const server = { ...known.sign('server').texts, clientCa: null };
  const client = known.sign('client').texts;
  for (const current of [server, null]) {
    let renew: (texts: typeof server) => void = () => assert.fail();
    await using doors = await openDoors([], {
      certificates: {
        current,
        isForClients: true,
        onChange: (listener) => {
          renew = listener;
        },
      },
    });
    const status = async () => {
      const sent = request(`https://${doors.tcp}/metrics`, { ...client, ca: known.texts.cert, agent: false }).end();
      const [response] = await once(sent, 'response');
      response.resume();
      return response.statusCode;
    };
    if (current !== null) assert.equal(await status(), 403);
    renew(server);
    assert.equal(await status(), 403);
  }
});
