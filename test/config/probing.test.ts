// `ready` and `health`: which questions come of what is written, and what cannot be asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertOnly, linesOf, load, problemsOf, serviceOf } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';
const LIVE = 'http://127.0.0.1:8080/.well-known/live';

const readyOf = (text: string) => serviceOf(`${WEB}${text}\n`).policy.ready;
const healthOf = (text: string) => serviceOf(`${WEB}${text}\n`).policy.health;

test('every kind of readiness is read', () => {
  const usual = { timeout: 60_000, delay: 1000, probe: null, interval: 500, pattern: null };
  assert.deepEqual(readyOf('ready = "fd"'), { ...usual, on: 'fd' });
  assert.deepEqual(readyOf('heartbeat = "1s"\nready = "heartbeat"'), { ...usual, on: 'heartbeat' });
  assert.deepEqual(readyOf('ready = { on = "delay", delay = "2s" }'), { ...usual, on: 'delay', delay: 2000 });
  assert.deepEqual(readyOf('ready = { on = "log", pattern = "up$" }'), { ...usual, on: 'log', pattern: 'up$' });
  assert.deepEqual(readyOf('ready = { on = "http", url = ":1/x", status = 204, interval = "1s", timeout = "5s" }'), {
    ...usual,
    on: 'http',
    timeout: 5000,
    interval: 1000,
    probe: { kind: 'http', url: 'http://127.0.0.1:1/x', status: 204 },
  });
  assert.deepEqual(readyOf('ready = { on = "tcp", address = "db:5432" }'), {
    ...usual,
    on: 'tcp',
    probe: { kind: 'tcp', host: 'db', port: 5432 },
  });
  assert.deepEqual(readyOf('ready = { on = "exec", command = "pg_isready -q" }'), {
    ...usual,
    on: 'exec',
    probe: { kind: 'exec', command: ['pg_isready', '-q'] },
  });
});

test('without a URL or an address the PORT of the service is asked', () => {
  const port = 'env = { PORT = "8080" }\n';
  assert.deepEqual(readyOf(`${port}ready = "http"`)?.probe, { kind: 'http', url: LIVE, status: null });
  assert.deepEqual(readyOf(`${port}ready = "tcp"`)?.probe, { kind: 'tcp', host: '127.0.0.1', port: 8080 });
  const url = 'http://127.0.0.1:8080/up';
  assert.deepEqual(healthOf(`${port}health = { http = "/up" }`)?.probe, { kind: 'http', url, status: null });
});

test('a URL that shows a secret port is secret', () => {
  const { effective } = serviceOf({ base: `${WEB}ready = "http"\n`, secret: '[services.web.env]\nPORT = "8080"\n' });
  assert.deepEqual(effective.get('ready.url')?.secret, true);
});

test('health has one question and the defaults of the contract', () => {
  const usual = { interval: 10_000, timeout: 2000, failures: 3, successes: 1, onFailure: 'restart' };
  const http = { kind: 'http', url: LIVE, status: null };
  assert.deepEqual(healthOf('health = { http = 8080 }'), { ...usual, probe: http });
  const tcp = { kind: 'tcp', host: '127.0.0.1', port: 5432 };
  assert.deepEqual(healthOf('health = { tcp = "127.0.0.1:5432" }'), { ...usual, probe: tcp });
  const all =
    'health = { exec = ["x"], interval = "1m", timeout = "1s", failures = 5, successes = 2, on_failure = "mark" }';
  assert.deepEqual(healthOf(all), {
    probe: { kind: 'exec', command: ['x'] },
    ...{ interval: 60_000, timeout: 1000, failures: 5, successes: 2, onFailure: 'mark' },
  });
});

test('[defaults] may say how often, and leave it to the services what is asked', () => {
  const defaults = '[defaults]\nhealth = { interval = "5s" }\n';
  assert.equal(serviceOf(`${defaults}${WEB}`).policy.health, null);
  assert.equal(serviceOf(`${defaults}${WEB}health = { tcp = 1 }\n`).policy.health?.interval, 5000);
});

test('what cannot be asked, or not so, is told with its place and a remedy', () => {
  const rows: readonly (readonly [line: string, key: string, message: RegExp])[] = [
    ['ready = "http"', 'ready.url', /^is missing; expected a URL or a port \(or PORT in env\)$/],
    ['ready = "tcp"', 'ready.address', /^is missing; expected an address/],
    ['ready = "exec"', 'ready.command', /^is missing; expected a command/],
    ['ready = "log"', 'ready.pattern', /^is missing; expected a regular expression/],
    ['ready = "htpp"', 'ready.on', /^expected one of "heartbeat", .*, got "htpp"$/],
    ['ready = { on = "http", url = "localhost:80" }', 'ready.url', /write "http:\/\/localhost:80"$/],
    ['ready = { on = "http", url = "/up" }', 'ready.url', /has no port; write ":8080\/path", or set PORT in env/],
    ['ready = { on = "http", url = 80, status = 99 }', 'ready.status', /from 100 to 599/],
    ['ready = { on = "tcp", address = 1, adress = 80 }', 'ready.adress', /did you mean "address"/],
    ['ready = { on = "log", pattern = "(" }', 'ready.pattern', /a regular expression such as .* Unterminated group$/],
    ['ready = { on = "log", pattern = "x" }\nlog = "direct"', 'ready.on', /log = "capture" only/],
    ['ready = { on = "tcp", address = 1, interval = "2m" }', 'ready.interval', /not shorter than ready\.timeout/],
    ['health = {}', 'health', /^expected one of http, tcp and exec/],
    ['health = { http = 80, tcp = 80 }', 'health', /only one of http, tcp and exec, got http and tcp/],
    ['health = { tcp = 1, htpp = 80 }', 'health.htpp', /did you mean "http"/],
    ['health = { http = 99999 }', 'health.http', /a port from 1 to 65535, got 99999/],
    ['health = { tcp = "db" }', 'health.tcp', /an address such as/],
    ['health = { exec = "a | b" }', 'health.exec', /no shell runs/],
    ['health = { tcp = 80, on_failure = "kill" }', 'health.on_failure', /"restart", "mark"/],
    ['health = { tcp = 80, failures = 0 }', 'health.failures', /from 1 to 1000/],
  ];
  for (const [line, key, message] of rows) {
    const problems = problemsOf(`${WEB}\n${line}\n`);
    if (!linesOf(problems).some((text) => text.startsWith('config.toml:4 '))) assert.fail(line);
    assertOnly(problems, `config.toml:4 services.web.${key}`, message);
  }
});

test('a probe that cannot be executed is a problem', () => {
  const facts = { whyNotExecutable: (file: string) => (file === 'true' ? null : `no ${file}`) };
  const base = `${WEB}ready = { on = "exec", command = "a" }\nhealth = { exec = "b" }\n`;
  assert.deepEqual(linesOf(problemsOf({ base, facts })), [
    'config.toml:3 services.web.ready.command no a',
    'config.toml:4 services.web.health.exec no b',
  ]);
});

test('keys of another kind, and an answer that may take longer than the pause, are doubtful', () => {
  const warnings = (text: string) => linesOf(load(`${WEB}${text}\n`).warnings);
  assert.match(
    warnings('ready = { on = "tcp", address = 1, url = 1 }')[0] ?? '',
    /^config\.toml:3 services\.web\.ready\.url has a meaning for on = "http" only; remove it$/,
  );
  assert.match(warnings('health = { tcp = 1, status = 200 }')[0] ?? '', /meaning for http only/);
  assert.match(
    warnings('health = { tcp = 1, timeout = "11s" }')[0] ?? '',
    /health\.timeout is longer than health\.int/,
  );
  const base = `[defaults]\nready = { on = "http", url = 1 }\n${WEB}ready = { on = "tcp", address = 1 }\n`;
  assert.deepEqual(load(base).warnings, [], 'what comes from [defaults] may be meant for others');
});

test('variables of the environment set them, too', () => {
  const env = { OPSD__SERVICES__WEB__HEALTH__TCP: '5432', OPSD__SERVICES__WEB__READY: 'fd' };
  const { policy } = serviceOf({ base: WEB, env });
  assert.deepEqual([policy.health?.probe.kind, policy.ready?.on], ['tcp', 'fd']);
});

test('a pattern that one line could keep busy for minutes is a problem', () => {
  const base = `${WEB}ready = { on = "log", pattern = "^(?=a)b" }\n`;
  const facts = { isLinear: (pattern: string) => !pattern.includes('(?=') };
  assertOnly(
    problemsOf({ base, facts }),
    'config.toml:3 services.web.ready.pattern',
    /a line could keep opsd busy.*without lookarounds/,
  );
});
