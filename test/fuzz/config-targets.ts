// What people write: config.toml, what it includes, env.toml, env_file, OPSD__ variables, the command line.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { COMMANDS } from '../../src/cli/arguments/commands.ts';
import { parsePlain } from '../../src/cli/arguments/parse.ts';
import { explainUsage } from '../../src/cli/arguments/usage.ts';
import { formatProblems, oneLine } from '../../src/config/report/problems.ts';
import { parseEnvFile } from '../../src/config/source/env-file.ts';
import { adopt } from '../../src/core/adoption/adopt.ts';
import { nextDeadline, step } from '../../src/core/supervisor.ts';
import { fingerprintOf } from '../../src/daemon/succession/fingerprint.ts';
import { scheduleProblem } from '../../src/os/config/calendar.ts';
import { linearPattern } from '../../src/os/readiness/linear-pattern.ts';
import type { Chance } from '../chaos/chance.ts';
import { load } from '../config/loading.ts';
import { mutateText, nasty } from './mutations.ts';
import type { Target } from './parser-campaign.ts';

const EXAMPLE = readFileSync(new URL('../../cfg/config.toml', import.meta.url), 'utf8');
const SECRETS = readFileSync(new URL('../../cfg/env.toml.example', import.meta.url), 'utf8');

/** Every kind of value at least once. */
const RICH = `
[daemon]
http = "[::1]:9640"
log_level = "info,heartbeat=debug"
socket_mode = "0660"
socket_group = "ops"
[[daemon.on_event]]
name = "chat"
when = ["failed", "recovered"]
services = ["w*"]
webhook = "https://example.com/hook?x=1"
headers = { "X-Key" = "v" }
timeout = "5s"
[defaults]
backoff = { initial = "100ms", factor = 2, max = "1600ms", jitter = 0.1 }
[services.web]
command = "node 'a b' --port \${8080 + instance}"
instances = 4
env = { PORT = "\${8080 + instance}", N = "\${instance}" }
env_file = "web.env"
umask = "0027"
nice = -5
ready = { on = "http", url = ":8080/ready", timeout = "20s" }
health = { tcp = "127.0.0.1:80", interval = "10s", failures = 3 }
heartbeat = { timeout = "30s", grace = "1m30s" }
log = { mode = "capture", timestamps = true }
rollout = { max_unavailable = 0, max_surge = 1, on_failure = "rollback" }
depends_on = { db = "ready" }
tags = ["edge"]
[services.db]
command = ["postgres"]
stop_signal = "SIGINT"
success_exit_codes = [0, 3]
ready = { on = "log", pattern = "^ready .*$" }
limits = { memory = "512M", nofile = 1024 }
[services.job]
command = ["true"]
type = "oneshot"
schedule = { cron = "*/5 3 * * 1-5", timezone = "Europe/Berlin", random_delay = "1m" }
`;

const ENV_FILE = `# comment\nexport A=1\nB="two \\"words\\""\nC='x'\nD = spaced \nEMPTY=\n`;

export const configTargets: readonly (() => Promise<Target>)[] = [
  { name: 'configuration', share: 0.3, run: runConfiguration },
  { name: 'env_file', share: 1, run: runEnvFile },
  { name: 'command line', share: 1, run: runCommandLine },
  { name: 'patterns and schedules', share: 1, run: runPatterns },
].map((target) => async () => ({ ...target, [Symbol.asyncDispose]: async () => {} }));

/** Problems, or a configuration that can be lived with. */
function runConfiguration(chance: Chance, tell: (input: unknown) => void): void {
  const texts = {
    base: spoiltToml(chance, chance.pick([EXAMPLE, RICH, RICH]) ?? ''),
    ...(chance.is(0.2)
      ? { includes: { 'more.toml': spoiltToml(chance, '[services.more]\ncommand = ["true"]\n') } }
      : {}),
    ...(chance.is(0.3) ? { secret: spoiltToml(chance, SECRETS.replaceAll(/^# /gm, '')) } : {}),
    env: Object.fromEntries(Array.from({ length: chance.between(0, 3) }, () => [variable(chance), wrongValue(chance)])),
    facts: {
      readText: () => ({ ok: true as const, text: spoilt(chance, ENV_FILE) }),
      isLinear: (pattern: string) => linearPattern(pattern) !== null,
      whyNotSchedule: (cron: string, timezone: string | null) => scheduleProblem(cron, timezone, 1.7e12),
    },
  };
  tell(texts);
  const result = load(texts);
  for (const problem of result.warnings) oneLine(problem);
  if (!result.ok) {
    assert.ok(result.problems.length > 0, 'it is refused, and nothing is wrong with it');
    assert.ok(formatProblems(result.problems).length > 0);
    return;
  }
  const { config } = result;
  for (const { effective } of config.services.values()) {
    for (const { value } of effective.values()) JSON.parse(value);
  }
  const { state } = adopt(config, { saved: [], survivors: [] }, fingerprintOf, 1, 0);
  const [begun] = step(state, { type: 'configured', config, isFirst: true }, 0);
  const deadline = nextDeadline(begun);
  assert.ok(deadline === null || Number.isFinite(deadline), `it waits until ${deadline}`);
}

/** Lines are put elsewhere, twice, or away; values are replaced; bytes change. */
function spoiltToml(chance: Chance, text: string): string {
  const lines = text.split('\n');
  for (let count = chance.between(0, 3); count > 0; count--) {
    const at = chance.between(0, lines.length - 1);
    const line = lines[at] ?? '';
    chance.weighted<() => void>([
      [
        4,
        () =>
          void lines.splice(
            at,
            1,
            line.replace(/=.*/, () => `= ${wrongValue(chance)}`),
          ),
      ],
      [2, () => void lines.splice(at, 1)],
      [2, () => void lines.splice(chance.between(0, lines.length), 0, line)],
      [1, () => void lines.splice(at, 0, `[${nasty(chance)}]`)],
      [1, () => void lines.splice(at, 0, `${nasty(chance)} = ${wrongValue(chance)}`)],
    ])();
  }
  return spoilt(chance, lines.join('\n'));
}

function spoilt(chance: Chance, text: string): string {
  if (chance.is(0.5)) return text;
  // As large as a file may be, of one piece over and over.
  if (chance.is(0.01)) return mutateText(chance, text).slice(0, chance.between(1, 40)).repeat(20_000);
  return mutateText(chance, text);
}

const VALUES = [
  ...[
    '1',
    '-1',
    '0.5',
    '1e400',
    'nan',
    'inf',
    'true',
    '[]',
    '{}',
    '""',
    '[[]]',
    '1979-05-27T07:32:00Z',
    '07:32:00',
    '0x7f',
  ],
  ...[
    '"30s"',
    '"1h30m"',
    '"99999999999999h"',
    '"1e9s"',
    '"-1s"',
    '"512M"',
    '"1e99G"',
    '"0777"',
    '"*"',
    '"all"',
    '["a", 1]',
  ],
  ...[
    '"$' + '{8080 + instance}"',
    '"$' + '{instance"',
    '"$' + '{9e307 + instance}"',
    '"http://[::1"',
    '"SIGNONE"',
    '"(a+)+$"',
    '"* * 31 2 *"',
  ],
];

function wrongValue(chance: Chance): string {
  if (chance.is(0.6)) return chance.pick(VALUES) ?? '1';
  if (chance.is(0.1)) return '['.repeat(chance.between(1, 5_000));
  return JSON.stringify(nasty(chance).repeat(chance.is(0.1) ? chance.between(1, 2_000) : 1));
}

const WORDS = [
  'SERVICES',
  'WEB',
  'DAEMON',
  'DEFAULTS',
  'ENV',
  'PORT',
  'HTTP',
  'COMMAND',
  'STOP_TIMEOUT',
  'READY',
  'ON',
  '',
];

function variable(chance: Chance): string {
  const words = Array.from({ length: chance.between(1, chance.is(0.02) ? 300 : 5) }, () => {
    return chance.is(0.9) ? (chance.pick(WORDS) ?? '') : nasty(chance);
  });
  return `OPSD__${words.join('__')}`;
}

function runEnvFile(chance: Chance, tell: (input: unknown) => void): void {
  const large = () => {
    const unit = mutateText(chance, nasty(chance) + chance.pick(['\n', '=', '"', "'", '\\', ' ', 'A=1\n', '#']));
    return unit.repeat(Math.floor(2 ** 20 / Math.max(1, Buffer.byteLength(unit))));
  };
  const text = chance.is(0.02) ? large() : mutateText(chance, ENV_FILE);
  tell(text);
  const { variables, mistakes } = parseEnvFile(text);
  assert.ok(variables.length <= 4_096 && mistakes.length <= 101, `${variables.length} and ${mistakes.length}`);
  for (const { name } of variables) assert.ok(name !== '' && !/[\s=]/.test(name), JSON.stringify(name));
}

function runCommandLine(chance: Chance, tell: (input: unknown) => void): void {
  const words = chance.pick(COMMANDS)?.path ?? [];
  const more = Array.from({ length: chance.between(0, 4) }, () => {
    return (
      chance.pick([
        'web',
        '--json',
        '--timeout',
        '5s',
        '--',
        '-',
        '--socket',
        '-n',
        '--lines=5',
        '--help',
        '-f',
        nasty(chance),
      ]) ?? ''
    );
  });
  const argv = [...words, ...more].map((word) => (chance.is(0.05) ? mutateText(chance, word) : word));
  tell(argv);
  if (parsePlain(argv) === null) assert.ok(explainUsage(argv, '1.0.0').kind !== undefined);
}

const PATTERNS = [
  '^ready .*$',
  '(a|b)+c',
  '[a-z]{2,5}',
  '\\d+ ms',
  '(?i)x',
  '(a+)+$',
  '((a*)*)*b',
  '.*.*.*x',
  'a{1000}{1000}',
];
const SCHEDULES = ['*/5 3 * * 1-5', '0 0 29 2 *', '@daily', '* * * * * *', '0 3 L * *', '1-59/2 * * * *', '0 0 31 2 *'];

/** Both come from files of root, and are still tried at each look: a start must not hang at one. */
function runPatterns(chance: Chance, tell: (input: unknown) => void): void {
  const given = {
    pattern: mutateText(chance, chance.pick(PATTERNS) ?? ''),
    cron: chance.is(0.5) ? (chance.pick(SCHEDULES) ?? '') : mutateText(chance, chance.pick(SCHEDULES) ?? ''),
    timezone: chance.pick([null, 'UTC', 'Europe/Berlin', nasty(chance)]) ?? null,
  };
  tell(given);
  linearPattern(given.pattern)?.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.repeat(100));
  scheduleProblem(given.cron, given.timezone, 1.7e12);
}
