// OPSD__ variables: any case, `_` for `-`, TOML where it parses, and every one must name a key.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertOnly, configOf, problemsOf, serviceOf } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';

test('a variable sets the key that its name is the path of', () => {
  const env = { OPSD__DAEMON__HTTP: '127.0.0.1:9700', OPSD__DAEMON__WATCH_CONFIG: 'true', OPSD__DEFAULTS__NICE: '5' };
  const { daemon, services, effective } = configOf({ base: WEB, env });
  assert.deepEqual([daemon.http?.port, daemon.watchConfig, services.get('web')?.launch.nice], [9700, true, 5]);
  assert.equal(effective.get('http')?.source, 'OPSD__DAEMON__HTTP');
});

test('its name may be in any case, and _ in it stands for - too', () => {
  const upper = 'OPSD__SERVICES__MY_WEB_1__STOP_TIMEOUT';
  const spelling = fc
    .array(fc.boolean(), { minLength: upper.length, maxLength: upper.length })
    .map((lower) => [...upper].map((char, at) => (lower[at] ? char.toLowerCase() : char)).join(''));
  const base = '[services.My-web_1]\ncommand = ["true"]\n';
  fc.assert(
    fc.property(spelling, (name) => {
      assert.equal(serviceOf({ base, env: { [name]: '5s' } }, 'My-web_1').policy.stopTimeout, 5000);
    }),
  );
});

test('of two services that differ in - and _ only, the one spelled so is meant', () => {
  const base = '[services.a-b]\ncommand = ["true"]\n[services.a_b]\ncommand = ["true"]\n';
  const { services } = configOf({ base, env: { OPSD__SERVICES__A_B__NICE: '5' } });
  assert.deepEqual([services.get('a-b')?.launch.nice, services.get('a_b')?.launch.nice], [0, 5]);
  const twins = '[services.a-b-c]\ncommand = ["true"]\n[services.a_b-c]\ncommand = ["true"]\n';
  const problems = problemsOf({ base: twins, env: { OPSD__SERVICES__A_B_C__NICE: '5' } });
  assertOnly(problems, 'OPSD__SERVICES__A_B_C__NICE:- ', /may mean "a-b-c" or "a_b-c"/);
});

test('a service with __ in its name can be named', () => {
  const base = '[services.a__b]\ncommand = ["true"]\n[services.a]\ncommand = ["true"]\n';
  const { services } = configOf({ base, env: { OPSD__SERVICES__A__B__NICE: '5', OPSD__SERVICES__A__NICE: '6' } });
  assert.deepEqual([services.get('a__b')?.launch.nice, services.get('a')?.launch.nice], [5, 6]);
});

test('variables of a service are set as text; a known one keeps its case, a new one has that of the variable', () => {
  const { launch } = serviceOf({
    base: `${WEB}env = { port = "1", log-level = "x" }\n`,
    env: {
      OPSD__SERVICES__WEB__ENV__PORT: '8080',
      OPSD__SERVICES__WEB__ENV__LOG_LEVEL: '1.50',
      OPSD__SERVICES__WEB__ENV__NEW__ONE: 'true',
      OPSD__SERVICES__WEB__ENV__QUOTED: '"a b"',
    },
  });
  assert.deepEqual({ ...launch.env }, { port: '8080', 'log-level': '1.50', NEW__ONE: 'true', QUOTED: 'a b' });
});

test('a value is TOML where that fits the key, else text', () => {
  const { launch, policy } = serviceOf({
    base: WEB,
    env: {
      OPSD__SERVICES__WEB__COMMAND: '["sleep", "5"]',
      OPSD__SERVICES__WEB__UMASK: '27',
      OPSD__SERVICES__WEB__ENV: '{ A = "1" }',
      OPSD__SERVICES__WEB__HEARTBEAT: '9s',
      OPSD__SERVICES__WEB__CWD: '2020-01-01',
    },
  });
  assert.deepEqual(launch.command, ['sleep', '5']);
  assert.equal(launch.umask, 0o27);
  assert.deepEqual({ ...launch.env }, { A: '1' });
  assert.equal(policy.heartbeat?.timeout, 9000);
  assert.equal(launch.cwd, '/work/2020-01-01');
});

test('a wrong value is a problem of the variable', () => {
  const problems = problemsOf({ base: WEB, env: { OPSD__SERVICES__WEB__STOP_TIMEOUT: '5' } });
  assertOnly(problems, 'OPSD__SERVICES__WEB__STOP_TIMEOUT:- services.web.stop_timeout', /duration.*got 5; .*"5s"/);
});

test('one that names no key is an error that knows a better name', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['OPSD__DAEMON__HTPT', /did you mean OPSD__DAEMON__HTTP\?/],
    ['OPSD__SERVICES__WBE__NICE', /did you mean OPSD__SERVICES__WEB__NICE\?/],
    ['OPSD__SERVICES__WEB__STOP__TIMEOUT', /names no key of services\.web/],
    ['OPSD__DAEMON__HTTP__X', /names no key of daemon\.http/],
    ['OPSD__SERVICES__OTHER__COMMAND', /names no key of services; unset it/],
    ['OPSD__INCLUDE', /names no key/],
    ['OPSD____', /names no key/],
    ['OPSD__', /names no key/],
    ['opsd__nope', /names no key/],
  ];
  for (const [name, message] of rows)
    assertOnly(problemsOf({ base: WEB, env: { [name]: 'x' } }), `${name}:- `, message);
});

test('two spellings of one key are an error', () => {
  const problems = problemsOf({ base: WEB, env: { OPSD__DAEMON__HTTP: '', opsd__daemon__http: '' } });
  assertOnly(problems, 'opsd__daemon__http:- daemon.http', /set by OPSD__DAEMON__HTTP already/);
});

test('variables that only begin alike are not ours', () => {
  assert.deepEqual(
    problemsOf({ base: WEB, env: { OPSD_LOG: 'debug', OPSD_MARKER: 'x', OPSDX__Y: '1', XOPSD__Y: '' } }),
    [],
  );
});

test('OPSD_LOG wins over every layer', () => {
  const texts = { base: `[daemon]\nlog_level = "warn"\n${WEB}`, secret: '[daemon]\nlog_level = "error"\n' };
  const { daemon, effective } = configOf({ ...texts, env: { OPSD_LOG: 'info,heartbeat=debug' } });
  assert.equal(daemon.logLevel.text, 'info,heartbeat=debug');
  assert.deepEqual(effective.get('log_level')?.source, 'OPSD_LOG');
  assert.equal(configOf({ ...texts, env: { OPSD_LOG: '' } }).daemon.logLevel.level, 'error');
  assertOnly(problemsOf({ ...texts, env: { OPSD_LOG: 'loud' } }), 'OPSD_LOG:- daemon.log_level', /expected a level/);
  const unknown = /; opsd has no component "foo"; the components are output, /;
  assertOnly(problemsOf({ ...texts, env: { OPSD_LOG: 'info,foo=debug' } }), 'OPSD_LOG:- daemon.log_level', unknown);
});
