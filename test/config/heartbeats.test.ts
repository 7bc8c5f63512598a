// Heartbeats: how short they may be, and that each service has a file of its own in a folder that is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertOnly, linesOf, load, problemsOf, serviceOf, type Texts } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';
const API = '[services.api]\ncommand = ["true"]\n';

test('a heartbeat that can only be missed is none: 100ms is the shortest, "0s" turns it off', () => {
  for (const timeout of ['1ms', '99ms']) {
    const message = /^expected a duration of at least "100ms", got "\d+ms"$/;
    assertOnly(problemsOf(`${WEB}heartbeat = "${timeout}"\n`), 'config.toml:3 services.web.heartbeat.timeout', message);
  }
  assert.equal(serviceOf(`${WEB}heartbeat = "100ms"\n`).policy.heartbeat?.timeout, 100);
  for (const none of ['0s', '0ms']) assert.equal(serviceOf(`${WEB}heartbeat = "${none}"\n`).policy.heartbeat, null);
});

test('one file for two services is told where it is written, whichever comes first', () => {
  const usual = `${WEB}heartbeat = "30s"\n`;
  const other = `${API}heartbeat = { file = "x/../tmp/web.heartbeat" }\n`;
  for (const [base, line, names] of [
    [`${usual}${other}`, 6, '"web" and "api"'],
    [`${other}${usual}`, 3, '"api" and "web"'],
  ] as const) {
    const message = new RegExp(`^${names} would share it, and one that hangs would seem well; give each its own$`);
    assertOnly(problemsOf(base), `config.toml:${line} services.api.heartbeat.file`, message);
  }
  assert.deepEqual(problemsOf(`${usual}${other.replace('{', '{ timeout = "0s",')}`), [], 'api does not beat');
  assert.deepEqual(problemsOf(`${usual}${other}cwd = "/api"\n`), [], 'another folder');
});

test('one file for all, from [defaults], is told once', () => {
  const services = Array.from({ length: 5 }, (_, n) => `[services.s${n}]\ncommand = "true"\n`).join('');
  assertOnly(
    problemsOf(`[defaults]\nheartbeat = { file = "beat" }\n${services}`),
    'config.toml:2 defaults.heartbeat.file',
    /^"s0", "s1", "s2" and 2 more would share it/,
  );
});

test('instances that share their file with each other, or with another service, are told once', () => {
  const group = `${WEB}instances = 3\nheartbeat = { file = "beat" }\n`;
  assertOnly(problemsOf(group), 'config.toml:4 services.web.heartbeat.file', /^all instances would share it/);
  const numbered = `${WEB}instances = 3\nheartbeat = { file = "beat-\${instance}" }\n`;
  assert.deepEqual(problemsOf(numbered), []);
  assertOnly(
    problemsOf(`${numbered}${API}heartbeat = { file = "beat-2" }\n`),
    'config.toml:7 services.api.heartbeat.file',
    /^"web" and "api" would share it/,
  );
});

test('the heartbeat of opsd is nobody else’s', () => {
  for (const file of ['tmp/opsd.heartbeat', '/work/tmp/opsd.heartbeat']) {
    assertOnly(
      problemsOf(`${WEB}heartbeat = { file = "${file}" }\n`),
      'config.toml:3 services.web.heartbeat.file',
      /^is the heartbeat of opsd itself.*; choose another file$/,
    );
  }
  assert.deepEqual(problemsOf(`${WEB}cwd = "/x"\nheartbeat = { file = "tmp/opsd.heartbeat" }\n`), []);
});

test('a heartbeat without a folder is doubtful, and the command that helps is told', () => {
  const warningsOf = (texts: Texts, absent = '/d/tmp') => {
    const look = (path: string) => (path === absent ? ('missing' as const) : ('directory' as const));
    return linesOf(load({ ...texts, facts: { look, ...texts.facts } }).warnings);
  };
  const base = `${WEB}cwd = "/d"\nheartbeat = "30s"\n`;
  assert.deepEqual(warningsOf({ base }), [], 'opsd makes it');
  assert.deepEqual(warningsOf({ base: `${base}user = "www"\n` }), [
    'config.toml:4 services.web.heartbeat.file /d/tmp does not exist: its user makes it at the start, if it may; else mkdir -p /d/tmp && chown www /d/tmp',
  ]);
  const look = (path: string) => (path === '/d/tmp' ? ('other' as const) : ('directory' as const));
  assert.match(warningsOf({ base, facts: { look } })[0] ?? '', /\/d\/tmp is not a directory: .*; move it away$/);
  assert.deepEqual(warningsOf({ base }, '/other'), []);
  assert.deepEqual(warningsOf({ base }, '/d').length, 0, 'a cwd that is missing is a problem, and enough of one');
  assert.deepEqual(warningsOf({ base: `${base}before_start = "mkdir -p tmp"\n` }), [], 'that may make it');
  assert.deepEqual(warningsOf({ base: `${WEB}heartbeat = "30s"\n` }, '/work/tmp'), [], 'that is made by opsd');
  assert.deepEqual(warningsOf({ base: `${WEB}cwd = "/d"\n` }), [], 'it does not beat');
  const secret = '[services.web]\ncwd = "/d"\n';
  const [told = ''] = warningsOf({ base: `${WEB}heartbeat = "30s"\nuser = "www"\n`, secret });
  assert.match(told, /\[redacted\] does not exist.* mkdir -p \[redacted\] && chown www \[redacted\]$/);
});
