// Command lines and keys that many people write, and the way that each is shown.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainUsage } from '../../src/cli/arguments/usage.ts';
import { keyForForeign } from '../../src/config/schema/foreign-keys.ts';
import { KEYS } from '../../src/config/schema/keys.ts';
import { assertOnly, problemsOf } from '../config/loading.ts';

function told(line: string): readonly [kind: string, text: string] {
  const usage = explainUsage(line.split(' '), '1.2.3');
  return [usage.kind, usage.kind === 'parsed' ? '' : usage.text];
}

test('the help of a command is printed, however it is asked for', () => {
  for (const line of ['help ctl rollout', 'help rollout', 'ctl help rollout', 'ctl rollout --help']) {
    const [kind, text] = told(line);
    assert.equal(kind, 'told', line);
    assert.match(text, /^Usage: opsd ctl rollout /, line);
  }
  assert.match(told('help check')[1], /^Usage: opsd check /);
  assert.match(told('help ctl')[1], /^Usage: opsd ctl /);
  assert.match(told('help')[1], /^Usage: opsd \[options\]/);
  assert.deepEqual(told('help nonsense'), [
    'wrong',
    "opsd: there is no command 'opsd nonsense'; see them with: opsd --help\n",
  ]);
});

const TURNS: readonly (readonly [wrong: string, right: string])[] = [
  ['status', 'opsd ctl status'],
  ['status web --json', 'opsd ctl status web --json'],
  ['restart web', 'opsd ctl restart web'],
  ['logs -f web', 'opsd ctl logs -f web'],
  ['list', 'opsd ctl status'],
  ['ctl list', 'opsd ctl status'],
  ['tail web', 'opsd ctl logs web'],
  ['ctl check', 'opsd check'],
  ['validate', 'opsd check'],
  ['help kill', 'opsd ctl signal'],
  ['check my.toml', 'opsd check --config my.toml'],
  ['check --deploy my.toml', 'opsd check --config my.toml'],
  ['run /etc/opsd/config.toml', 'opsd run --config /etc/opsd/config.toml'],
  ['config my.toml --json', 'opsd config --config my.toml'],
];

for (const [wrong, right] of TURNS) {
  test(`opsd ${wrong}: ${right}`, () => {
    const [kind, text] = told(wrong);
    assert.equal(kind, 'wrong');
    assert.ok(text.endsWith(`write: ${right}\n`), text);
  });
}

test('what is right, and what nobody means, is left to the parser', () => {
  for (const line of [
    'check',
    'check --config my.toml',
    'ctl status',
    'ctl run web',
    'config --json',
    'run --strict',
  ]) {
    assert.equal(told(line)[0], 'parsed', line);
  }
  for (const line of ['foo', 'ctl foo', 'ctl', '--nonsense', 'schema x']) {
    const [kind, text] = told(line);
    assert.equal(kind, 'wrong', line);
    assert.doesNotMatch(text, /write:/, line);
  }
});

test('the keys of systemd, supervisord, pm2 and Compose are answered with those of opsd', () => {
  const rows = [
    ['ExecStart', 'command'],
    ['autorestart', 'restart'],
    ['autostart', 'enabled'],
    ['WorkingDirectory', 'cwd'],
    ['EnvironmentFile', 'env_file'],
    ['stopwaitsecs', 'stop_timeout'],
    ['max_memory_restart', 'limits.memory'],
    ['working_dir', 'cwd'],
    ['RestartSec', 'backoff'],
    ['Restart', 'restart'],
    ['User', 'user'],
    ['comand', 'command'],
  ];
  for (const [key, meant] of rows) {
    const found = problemsOf(`[services.web]\ncommand = ["x"]\n${key} = "5"\n`);
    assertOnly(
      found,
      `config.toml:3 services.web.${key}`,
      new RegExp(`^unknown key; did you mean "${meant?.replace('.', '\\.')}"\\?$`),
    );
  }
  assertOnly(
    problemsOf('[services.web]\ncommand = ["x"]\nheartbeat = { script = "x" }\n'),
    'config.toml:3 services.web.heartbeat.script',
    /the keys here are/,
  );
});

test('each key that is named is one', () => {
  const service = KEYS.keys.get('defaults');
  for (const foreign of [
    'ExecStart',
    'ready',
    'healthcheck',
    'TimeoutStartSec',
    'LimitNOFILE',
    'CPUQuota',
    'cron',
    'Persistent',
  ]) {
    const path = (keyForForeign(foreign) ?? 'ready').split('.');
    let level = service;
    for (const part of path) level = level?.keys.get(part);
    assert.ok(level, `${foreign}: ${path.join('.')}`);
  }
});

test('a slip in what a dependency has to reach is answered with the word', () => {
  const base = (states: string) =>
    `[services.web]\ncommand = ["x"]\n[services.api]\ncommand = ["x"]\ndepends_on = ${states}\n`;
  const rows = [
    ['{ web = "redy" }', /did you mean \{ web = "ready" \}\?/],
    ['{ web = "complete" }', /did you mean \{ web = "completed" \}\?/],
    ['{ web = "Started" }', /did you mean \{ web = "started" \}\?/],
  ] as const;
  for (const [states, message] of rows) {
    const [problem] = problemsOf(base(states));
    assert.match(problem?.message ?? '', message);
  }
});
