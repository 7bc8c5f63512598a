// Warnings of what can only be meant otherwise: one port for several services, and variables that nobody puts in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linesOf, load } from './loading.ts';

function warningsOf(base: string): readonly string[] {
  const result = load(base);
  assert.ok(result.ok, result.ok ? '' : linesOf(result.problems).join('\n'));
  return linesOf(result.warnings);
}

function service(name: string, rest: string): string {
  return `[services.${name}]\ncommand = ["x"]\n${rest}\n`;
}

test('two services with one PORT are told, with their names', () => {
  const both = service('web', 'env = { PORT = "8080" }') + service('api', 'env = { PORT = 8080 }');
  const quoted = both.replace('= 8080', '= "8080"');
  const [line, ...others] = warningsOf(quoted);
  assert.equal(others.length, 0);
  assert.match(line ?? '', /services\.api\.env\.PORT only one of "web" and "api" can listen at this port/);
  assert.deepEqual(warningsOf(quoted.replace('"8080"', '"8081"')), []);
});

test('instances with one literal PORT are told how to write it', () => {
  const [line = '', ...others] = warningsOf(service('web', 'instances = 3\nenv = { PORT = "8080" }'));
  assert.equal(others.length, 0);
  assert.match(line, /only one of the 3 instances can listen at this port; write PORT = "\$\{8080 \+ instance\}"/);
  assert.deepEqual(warningsOf(service('web', `instances = 3\nenv = { PORT = "\${8080 + instance}" }`)), []);
});

test('one probe address for two services is told, however it is written', () => {
  const rows = [
    ['health = { tcp = 8080 }', 'health = { tcp = "localhost:8080" }'],
    ['health = { http = ":8080/live" }', 'health = { http = "http://localhost:8080/other" }'],
    ['health = { http = ":8080/live" }', 'ready = { on = "tcp", address = "127.0.0.1:8080" }'],
    ['health = { http = "http://db/live" }', 'ready = { on = "tcp", address = "db:80" }'],
  ];
  for (const [one = '', other = ''] of rows) {
    const lines = warningsOf(service('web', one) + service('api', other));
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', /services\.api\..*only one of "web" and "api" answers at this address/);
  }
  const [line = ''] = warningsOf(service('web', 'instances = 2\nhealth = { tcp = 8080 }'));
  assert.match(line, /only one of the 2 instances answers at this address/);
});

test('one service may be asked twice, others at other addresses; what cannot run together is not told', () => {
  const probes = 'ready = { on = "http", url = ":8080/" }\nhealth = { http = ":8080/live" }';
  assert.deepEqual(warningsOf(service('web', probes) + service('api', 'health = { tcp = 8081 }')), []);
  assert.deepEqual(warningsOf(service('web', `instances = 2\nhealth = { tcp = "\${8080 + instance}" }`)), []);
  const port = 'env = { PORT = "8080" }';
  assert.deepEqual(warningsOf(service('blue', port) + service('green', `${port}\nenabled = false`)), []);
  assert.deepEqual(warningsOf(service('web', port) + service('night', `${port}\nschedule = "0 3 * * *"`)), []);
  const hosts = ['127.0.0.1', '127.0.0.2'].map((host, at) =>
    service(`s${at}`, `env = { PORT = "80", HOST = "${host}" }`),
  );
  assert.deepEqual(warningsOf(hosts.join('')), []);
  const healthy = 'env = { PORT = "8080" }\nhealth = { http = "/live" }';
  assert.equal(
    warningsOf(service('web', healthy) + service('api', healthy)).length,
    1,
    'once, not for the probe as well',
  );
});

test('a variable in env that nobody puts in is told', () => {
  for (const value of ['$HOME', `\${HOME}/data`, '$PATH:/x', 'a$USER', `\${PORT:-80}`, '~/data', '~']) {
    const [line = '', ...others] = warningsOf(service('web', `env = { DIR = '${value}' }`));
    assert.equal(others.length, 0);
    assert.match(line, /services\.web\.env\.DIR no shell runs that puts in a value for (\$|~)/, value);
  }
  for (const value of ['pa$word', 'cost $5', '$2b$10$abc', 'a~b', '$', '$$', '/srv/~x']) {
    assert.deepEqual(warningsOf(service('web', `env = { DIR = '${value}' }`)), [], value);
  }
});
