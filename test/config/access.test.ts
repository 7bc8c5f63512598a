// daemon.tls and daemon.http_token: where they may stand, what is shown of them, and what a reload makes of a change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planDaemon } from '../../src/core/model/changes.ts';
import { configOf, load, problemsOf } from './loading.ts';

const TOKEN = '0123456789abcdef';
const TLS = 'daemon.tls = { cert = "tls/opsd.crt", key = "tls/opsd.key" }';

test('a token belongs into env.toml, and is told to be moved there from everywhere else', () => {
  const wrong = [
    { base: `daemon.http_token = "${TOKEN}"` },
    { base: '', env: { OPSD__DAEMON__HTTP_TOKEN: TOKEN } },
    // The strongest layer has another one: this one lies open all the same.
    { base: `daemon.http_token = "${TOKEN}"`, secret: 'daemon.http_token = "another-one-of-16"' },
  ];
  for (const texts of wrong) {
    const [problem] = problemsOf(texts);
    assert.match(problem?.message ?? '', /is a secret.*move it to key\/env\.toml.*make a new one/);
    assert.equal(problem?.key, 'daemon.http_token');
    assert.equal(JSON.stringify(problemsOf(texts)).includes(TOKEN), false);
  }
  const { daemon, effective } = configOf({ base: '', secret: `daemon.http_token = "${TOKEN}"` });
  assert.equal(daemon.httpToken, TOKEN);
  assert.deepEqual([effective.get('http_token')?.secret, effective.get('http_token')?.value], [true, '"[redacted]"']);
});

test('a token that can be guessed, or that no header can carry, is none', () => {
  for (const token of [
    'short',
    'x'.repeat(15),
    'with a space 0123456789',
    'ümläut0123456789',
    '=0123456789abcdef',
    '',
  ]) {
    const [problem] = problemsOf({ base: '', secret: `daemon.http_token = ${JSON.stringify(token)}` });
    assert.match(problem?.message ?? '', /^expected 16 to 512 letters/, token);
    if (token !== '') assert.equal(problem?.message.includes(token), false);
  }
});

test('the paths of a certificate are those below the working directory, and no secret', () => {
  const { daemon, effective } = configOf({ base: TLS });
  assert.deepEqual(daemon.tls, { cert: '/work/tls/opsd.crt', key: '/work/tls/opsd.key', clientCa: null });
  assert.equal(effective.get('tls.key')?.value, '"/work/tls/opsd.key"');
  assert.equal(problemsOf({ base: 'daemon.tls = { cert = "x" }' })[0]?.key, 'daemon.tls.key');
});

test('what is wrong with the files is a warning: services come first', () => {
  const doubts = [{ key: 'key' as const, why: '/x can be read by others' }];
  const { ok, warnings } = load({ base: TLS, facts: { doubtsOnTls: () => doubts } });
  assert.equal(ok, true);
  assert.deepEqual(
    warnings.map(({ key, message }) => [key, message]).filter(([key]) => key === 'daemon.tls.key'),
    [['daemon.tls.key', '/x can be read by others']],
  );
});

test('a token and the files of a certificate change in place; whether there is one at all waits for the next opsd', () => {
  const of = (base: string, token?: string) =>
    configOf({
      base: `${base}\n[services.web]\ncommand = ["sleep", "1"]\n`,
      ...(token === undefined ? {} : { secret: `daemon.http_token = "${token}"` }),
    });
  const when = (...[before, after]: Parameters<typeof planDaemon>) =>
    planDaemon(before, after).map((change) => `${change.key} ${change.when}`);
  assert.deepEqual(when(of(''), of('', TOKEN)), ['http_token now']);
  assert.deepEqual(when(of('', TOKEN), of('', `${TOKEN}0`)), ['http_token now']);
  assert.deepEqual(when(of(TLS), of(TLS.replace('opsd.key', 'other.key'))), ['tls.key now']);
  assert.deepEqual(when(of(''), of(TLS)), ['tls.cert next_opsd', 'tls.key next_opsd']);
  const withClients = TLS.replace(' }', ', client_ca = "ca.crt" }');
  assert.deepEqual(when(of(TLS), of(withClients)), ['tls.client_ca next_opsd']);
  assert.deepEqual(when(of(withClients), of(TLS)), ['tls.client_ca next_opsd']);
});

test('deploy: what is read on another address than loopback is encrypted, and not for everybody', () => {
  const told = (daemon: string, secret = '') => {
    const base = `${daemon}\n[services.web]\ncommand = ["sleep", "1"]\nuser = "web"\n`;
    const { warnings } = load({ base, secret, isForDeployment: true });
    return warnings.filter(({ key }) => key === 'daemon.http').map(({ message }) => message);
  };
  const token = `daemon.http_token = "${TOKEN}"`;
  const withClients = TLS.replace(' }', ', client_ca = "ca.crt" }');
  for (const fine of ['', '127.0.0.1:1', '127.8.9.10:1', 'localhost:1', '[::1]:1']) {
    assert.deepEqual(told(`daemon.http = "${fine}"`), [], fine);
  }
  for (const open of ['0.0.0.0:1', '[::]:1', '192.0.2.1:1', 'host.example:1', '127.example:1', 'localhost.example:1']) {
    const address = `daemon.http = "${open}"`;
    assert.match(
      told(address).join('|'),
      /not encrypted[^|]*; set daemon\.tls.*\|whoever reaches it.*http_token/,
      open,
    );
    assert.match(told(address, token).join('|'), /^[^|]*not encrypted[^|]*, the token too[^|]*$/, open);
    assert.match(told(`${address}\n${TLS}`).join('|'), /^whoever reaches it[^|]*$/, open);
    assert.deepEqual([told(`${address}\n${TLS}`, token), told(`${address}\n${withClients}`)], [[], []], open);
  }
});
