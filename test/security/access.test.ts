// TLS, the token, and certificates of clients: who gets in over TCP, and what a renewal does to those who are in.

import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { type RequestOptions, request } from 'node:https';
import { test } from 'node:test';
import { type ConnectionOptions, connect, type PeerCertificate, type SecureVersion, TLSSocket } from 'node:tls';
import { type Authority, newAuthority, replace, type Signed } from '../support/certificates.ts';
import { type Opsd, prepareOpsd, startOpsd } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

const TOKEN = 'Zm9vYmFyYmF6cXV4cXV1eA.-_~+/0123==';
const OTHER = 'c29tZXRoaW5nIGVsc2Ugb2Yg0123456789';

interface Stage extends AsyncDisposable {
  readonly opsd: Opsd;
  readonly authority: Authority;
  readonly clients: Authority;
  readonly server: Signed;
}

interface StageOptions {
  readonly token?: string;
  readonly clientCa?: boolean;
  /** Before opsd starts. */
  readonly prepare?: (server: Signed) => void;
}

async function open({ token, clientCa = false, prepare }: StageOptions): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await scratch());
  const authority = newAuthority(path, 'authority');
  const clients = newAuthority(path, 'clients');
  const server = authority.sign('server');
  prepare?.(server);
  const tls = [`cert = "${server.cert}"`, `key = "${server.key}"`];
  if (clientCa) tls.push(`client_ca = "${clients.cert}"`);
  const opsd = stack.use(
    await startOpsd({
      http: 'on',
      config: `daemon.tls = { ${tls.join(', ')} }\n[services.web]\ncommand = ["sleep", "600"]\n`,
      ...(token === undefined ? {} : { files: { 'p/key/env.toml': `daemon.http_token = "${token}"\n` } }),
    }),
  );
  const all = stack.move();
  return { opsd, authority, clients, server, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly peer: PeerCertificate;
  readonly isResumed: boolean;
}

function ask(
  { opsd, authority }: Stage,
  path: string,
  options: RequestOptions & Pick<ConnectionOptions, 'session'> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port: opsd.port, ca: authority.texts.cert, path, agent: false };
    const sent = request({ ...to, ...options }, (response) => {
      const { socket } = response;
      assert.ok(socket instanceof TLSSocket);
      const peer = socket.getPeerCertificate();
      const isResumed = socket.isSessionReused();
      let body = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body, peer, isResumed }),
      );
    });
    sent.on('error', reject);
    sent.end();
  });
}

const bearing = (authorization: string): RequestOptions => ({ headers: { authorization } });
const basic = (user: string, password: string) =>
  bearing(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`);

test('who has the token is let in, as a program or as a browser; others learn that opsd lives, and no more', async () => {
  await using stage = await open({ token: TOKEN });
  for (const path of [
    '/',
    '/metrics',
    '/api/v1/services',
    '/api/v1/events',
    '/.well-known/ready',
    '/none',
    '/?token=x',
  ]) {
    const { status, headers, body } = await ask(stage, path);
    assert.equal(status, 401, path);
    assert.equal(headers['www-authenticate'], 'Bearer realm="opsd", Basic realm="opsd", charset="UTF-8"');
    assert.match(body, /"no_token".*Authorization: Bearer/);
  }
  assert.equal((await ask(stage, '/.well-known/live')).status, 200);
  for (const options of [
    bearing(`Bearer ${TOKEN}`),
    bearing(`bearer  ${TOKEN}`),
    basic('anybody', TOKEN),
    basic('', TOKEN),
  ]) {
    assert.equal((await ask(stage, '/api/v1/services', options)).status, 200);
  }
  for (const options of [
    bearing(TOKEN),
    bearing('Bearer'),
    bearing('Bearer '),
    bearing(`Bearer ${TOKEN}x`),
    bearing(`Bearer ${TOKEN.slice(0, -1)}`),
    bearing(`Bearer ${TOKEN.toLowerCase()}`),
    bearing(`Digest ${TOKEN}`),
    bearing(`Basic ${Buffer.from(TOKEN).toString('base64')}`),
    basic(TOKEN, ''),
    basic('anybody', OTHER),
    { headers: { 'proxy-authorization': `Bearer ${TOKEN}` } },
    { headers: { cookie: `token=${TOKEN}` } },
  ]) {
    assert.equal((await ask(stage, '/api/v1/services', options)).status, 401, JSON.stringify(options));
  }
  assert.equal((await ask(stage, `/api/v1/services?token=${TOKEN}`)).status, 401);
  // It lets nobody change anything.
  const stop = await ask(stage, '/api/v1/services/web/stop', { ...bearing(`Bearer ${TOKEN}`), method: 'POST' });
  assert.equal(stop.status, 403);
  // Who may use the socket needs none.
  assert.equal((await stage.opsd.ctl('status')).code, 0);
  assert.match(await stage.opsd.log(), /\[WARN\] .*refused over TCP.* from=loopback/);
  assert.equal((await stage.opsd.log()).includes(TOKEN), false);
});

test('nothing is answered in clear', async () => {
  await using stage = await open({ token: TOKEN });
  const url = `http://127.0.0.1:${stage.opsd.port}/.well-known/live`;
  await assert.rejects(fetch(url));
  for (const version of ['TLSv1', 'TLSv1.1'] satisfies SecureVersion[]) {
    const old = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    await assert.rejects(ask(stage, '/.well-known/live', old), version);
  }
});

for (const token of [undefined, TOKEN]) {
  test(`a certificate of the right authority lets in, ${token === undefined ? 'and nothing else does' : 'as the token does'}`, async () => {
    await using stage = await open({ clientCa: true, ...(token === undefined ? {} : { token }) });
    const refusal = token === undefined ? 403 : 401;
    const { texts } = stage.clients.sign('prometheus');
    assert.equal((await ask(stage, '/metrics', texts)).status, 200);
    assert.equal((await ask(stage, '/metrics')).status, refusal);
    assert.equal((await ask(stage, '/.well-known/live')).status, 200);
    // Signed by the authority of the server, which is another, and by itself.
    for (const { texts: wrong } of [stage.authority.sign('stranger'), stage.authority]) {
      assert.equal((await ask(stage, '/metrics', wrong)).status, refusal);
    }
    if (token !== undefined) assert.equal((await ask(stage, '/metrics', bearing(`Bearer ${token}`))).status, 200);
  });
}

for (const version of ['TLSv1.2', 'TLSv1.3'] satisfies SecureVersion[]) {
  test(`a session that is resumed begins anew, and who has no certificate has none then (${version})`, async () => {
    await using stage = await open({ clientCa: true });
    const versions = { minVersion: version, maxVersion: version };
    const sessions = await sessionsOf(stage, versions);
    assert.ok(sessions.length > 0);
    for (const session of sessions) {
      const { status, isResumed } = await ask(stage, '/metrics', { ...versions, session });
      assert.deepEqual([status, isResumed], [403, false]);
    }
    assert.equal((await ask(stage, '/metrics', versions)).status, 403);
  });
}

test('a new certificate comes into force by itself, and nobody is cut off for it', async () => {
  await using stage = await open({ token: TOKEN });
  const { opsd, authority, server } = stage;
  const first = await ask(stage, '/.well-known/live');
  using stream = await listen(stage, TOKEN);
  replace(server, authority.sign('renewed'));
  await opsd.logged(/\[INFO\] .*the certificate was renewed/, 20_000);
  const second = await ask(stage, '/.well-known/live');
  assert.deepEqual([first.peer.subject.CN, second.peer.subject.CN], ['server', 'renewed']);
  // Half of a renewal, and one that is none: what is in force stays, and it is told once.
  writeFileSync(server.cert, 'nothing');
  await opsd.logged(
    /CRITICAL the new certificate cannot be used, and the old one stays in force .*daemon\.tls\.cert/,
    20_000,
  );
  assert.equal((await ask(stage, '/.well-known/live')).peer.subject.CN, 'renewed');
  // A reload looks at once.
  replace(server, authority.sign('reloaded'));
  assert.equal((await opsd.reload()).status, 200);
  assert.equal((await ask(stage, '/.well-known/live')).peer.subject.CN, 'reloaded');
  assert.equal((await opsd.log()).match(/CRITICAL/g)?.length, 1);
  await opsd.order('restart', 'web');
  await waitFor('news on the stream that was there before', () => stream.text().includes('"to":"running"'));
});

test('another token takes the place of the old one at a reload, for those who are in, too', async () => {
  await using stage = await open({ token: TOKEN });
  const { opsd } = stage;
  using stream = await listen(stage, TOKEN);
  await opsd.write('p/key/env.toml', `daemon.http_token = "${OTHER}"\n`);
  const plan = JSON.parse((await opsd.api('POST', '/api/v1/reload', { dry_run: true })).body);
  assert.deepEqual(plan.daemon, [{ key: 'http_token', from: '"[redacted]"', to: '"[redacted]"', when: 'now' }]);
  await opsd.reload();
  await waitFor('the end of the stream', () => stream.isOver());
  assert.equal((await ask(stage, '/metrics', bearing(`Bearer ${TOKEN}`))).status, 401);
  assert.equal((await ask(stage, '/metrics', bearing(`Bearer ${OTHER}`))).status, 200);
});

test('another authority of clients ends the connections of those whom the old one let in', async () => {
  await using stage = await open({ clientCa: true });
  const old = stage.clients.sign('prometheus').texts;
  using stream = await listen(stage, null, old);
  await using folder = await scratch();
  const next = newAuthority(folder.path, 'next');
  replace(stage.clients, next);
  await stage.opsd.reload();
  await waitFor('the end of the stream', () => stream.isOver());
  assert.equal((await ask(stage, '/metrics', old)).status, 403);
  assert.equal((await ask(stage, '/metrics', next.sign('prometheus').texts)).status, 200);
});

test('without a certificate that can be used nobody is answered, services run, and it is put right by itself', async () => {
  await using stage = await open({ token: TOKEN, prepare: ({ key }) => chmodSync(key, 0o640) });
  const { opsd, server } = stage;
  assert.equal((await opsd.status('web')).state, 'running');
  assert.match(
    await opsd.log(),
    /CRITICAL the certificate cannot be used, and nobody is answered over TCP .*chmod 600/,
  );
  await assert.rejects(ask(stage, '/.well-known/live'));
  const check = await opsd.opsd('check');
  assert.equal(check.code, 0);
  assert.match(check.stderr, /daemon\.tls\.key .*can be read by others than its owner; chmod 600 /);
  chmodSync(server.key, 0o400);
  await opsd.logged(/the certificate is read/, 20_000);
  assert.equal((await ask(stage, '/.well-known/live')).status, 200);
});

test('what is no certificate, or not its key, or no authority, is told by check', async () => {
  await using stage = await open({});
  const { opsd, authority, server } = stage;
  const other = authority.sign('other');
  const rows: [string, RegExp][] = [
    [
      `cert = "${server.cert}", key = "${other.key}"`,
      /tls\.cert .*are no certificate and its key, both PEM \(.*mismatch/,
    ],
    [`cert = "${server.key}", key = "${server.key}"`, /tls\.cert .*has no certificate in it/],
    [`cert = "/nowhere/x.crt", key = "${server.key}"`, /tls\.cert .*\/nowhere\/x\.crt does not exist/],
    [`cert = "${server.cert}", key = "${server.key}", client_ca = "/dev/null"`, /tls\.client_ca .*no regular file/],
    [
      `cert = "${server.cert}", key = "${server.key}", client_ca = "${server.key}"`,
      /tls\.client_ca .*has no certificate/,
    ],
  ];
  for (const [tls, told] of rows) {
    await opsd.configure(`daemon.tls = { ${tls} }\n[services.web]\ncommand = ["sleep", "600"]\n`);
    assert.match((await opsd.opsd('check')).stderr, told);
  }
});

/** An event stream, and all that came of it. */
async function listen(stage: Stage, token: string | null, options: RequestOptions = {}) {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const { authority, opsd } = stage;
  const to = { host: '127.0.0.1', port: opsd.port, ca: authority.texts.cert, path: '/api/v1/events', agent: false };
  let text = '';
  let isOver = false;
  const sent = request({ ...to, headers, ...options }, (response) => {
    response.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    response.on('error', () => undefined);
    response.on('close', () => {
      isOver = true;
    });
  });
  sent.on('error', () => undefined);
  sent.end();
  await waitFor('the stream to begin', () => text !== '');
  return { text: () => text, isOver: () => isOver, [Symbol.dispose]: () => sent.destroy() };
}

/** What a client without a certificate may resume later. */
async function sessionsOf({ opsd, authority }: Stage, versions: object): Promise<readonly Buffer[]> {
  const sessions: Buffer[] = [];
  const socket = connect({ host: '127.0.0.1', port: opsd.port, ca: authority.texts.cert, ...versions });
  socket.on('session', (session) => sessions.push(session));
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  socket.write('GET /.well-known/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await waitFor('an answer', () => text.includes('"live"'));
  const session = socket.getSession();
  socket.destroy();
  return session === undefined ? sessions : [...sessions, session];
}

test('metrics tell when the certificate ends, and only where there is one', async () => {
  await using stage = await open({});
  const { body } = await ask(stage, '/metrics');
  const [, end = ''] = /^opsd_tls_certificate_expiry_timestamp_seconds (\d+)$/m.exec(body) ?? [];
  const days = (Number(end) * 1_000 - Date.now()) / 86_400_000;
  assert.ok(days > 29 && days <= 30, `${days} days`);
  const { stdout } = await stage.opsd.opsd('check', '--deploy');
  assert.doesNotMatch(stdout, /expires/);
  await using plain = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "600"]\n', http: 'on' });
  assert.doesNotMatch((await plain.api('GET', '/metrics')).body, /^opsd_tls/m);
});

test('check warns a week before the certificate ends', async () => {
  await using folder = await scratch();
  const server = newAuthority(folder.path, 'authority').sign('server', 6);
  const config = `daemon.tls = { cert = "${server.cert}", key = "${server.key}" }\n`;
  await using place = await prepareOpsd({ config });
  const { stdout, stderr } = await place.opsd('check');
  assert.match(stdout + stderr, /server\.crt expires at 20.*Z; renew it/);
});
