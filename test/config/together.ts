// Keys and hosts that do or do not go together: what is told of a configuration whose single values are all right.

import type { Entry } from '../support/book.ts';
import { EVERYTHING, hosts } from './hosts.ts';
import { linesOf, load, type Texts } from './loading.ts';

const WEB = '[services.web]\ncommand = "server"\n';

interface Case {
  /** What is written below [services.web]. */
  readonly text: string;
  readonly more?: Texts;
  /** What is so of the host, in words. */
  readonly on?: string;
}

const lines = (...texts: readonly string[]): readonly Case[] => texts.map((text) => ({ text }));

const READY = { delay: '"2s"', url: '":80/x"', status: '204', address: '":80"', command: '"ask"', pattern: '"up"' };
const JOB = { timezone: '"UTC"', overlap: '"kill"', random_delay: '"1s"', catch_up: 'true', timeout: '"1m"' };

const CASES: Readonly<Record<string, readonly Case[]>> = {
  'each way to get ready, with each key of another': ['heartbeat', 'delay', 'http', 'tcp', 'exec', 'log', 'fd'].flatMap(
    (on) => [
      { text: `ready = "${on}"` },
      { text: `env.PORT = "8080"\nready = "${on}"` },
      ...Object.entries({ ...READY, interval: '"1s"', timeout: '"5s"' }).map(([key, value]) => ({
        text: `heartbeat = "30s"\nready = { on = "${on}", ${key} = ${value} }`,
      })),
    ],
  ),
  'output that nobody sees, and a pattern in it': ['capture', 'direct', 'syslog', 'journal', 'inherit', 'none'].flatMap(
    (mode) =>
      lines(`log = "${mode}"\nready = { on = "log", pattern = "up" }`, `log = { mode = "${mode}", timestamps = true }`),
  ),
  'health, asked in one way': [
    ...lines('health = {}', 'health = { http = 80, tcp = 80 }', 'health = { tcp = 80, exec = "ask" }'),
    ...lines(
      'health = { http = "/live" }',
      'env.PORT = "8080"\nhealth = { http = "/live" }',
      'env.PORT = "x"\nhealth = { http = "/x" }',
    ),
    ...['http = 80', 'tcp = 80', 'exec = "ask"'].flatMap((kind) =>
      lines(
        `health = { ${kind} }`,
        `health = { ${kind}, status = 204 }`,
        `health = { ${kind}, interval = "1s", timeout = "2s" }`,
      ),
    ),
    ...lines('health = { tcp = 80, on_failure = "mark" }', 'type = "oneshot"\nhealth = { tcp = 80 }'),
  ],
  'jobs and schedules': [
    '',
    'type = "oneshot"',
    'schedule = "@daily"',
    'type = "oneshot"\nschedule = "@daily"',
  ].flatMap((job) => [
    ...lines(job, `${job}\nrestart = "always"`, `${job}\nrestart = "on-failure"`, `${job}\nrestart = "never"`),
    ...lines(`${job}\nready = "fd"`, `${job}\nheartbeat = "30s"`, `${job}\ninstances = 2`, `${job}\nenabled = false`),
    ...Object.entries(JOB).map(([key, value]) => ({ text: `${job}\n${key} = ${value}` })),
  ]),
  'numbers of instances in values': [
    ...['@{instance}', '@{8080 + instance}', '@{instance + 8080}', '@{instance - 1}', '@{instance * 2}', '@{8080}'],
    ...['@{instance', '@{HOME}', '@{8080 + }', '@instance', '@{ instance }', '@{INSTANCE}', 'a@{instance}b@{instance}'],
  ]
    .map((value) => value.replaceAll('@', '$'))
    .flatMap((value) => [
      { text: `env.A = "${value}"` },
      { text: `instances = 2\nenv.A = "${value}"` },
      { text: `instances = 2\nheartbeat = { timeout = "9s", file = "${value}" }\ntags = ["a", "b"]` },
    ]),
  'how many instances': lines(
    'instances = 1',
    'instances = 2',
    'instances = 1000',
    'instances = 1001',
    'instances = 0',
    'instances = 1.5',
    'rollout = {}',
    'instances = 3\nrollout = { max_unavailable = 0 }',
    'instances = 3\nrollout = { max_unavailable = 0, max_surge = 1 }',
    'instances = 3\nrollout = { max_unavailable = 3 }',
    'instances = 3\nrollout = { max_unavailable = 4 }',
    'rollout = { max_surge = 1 }',
    'instances = 2\nenabled = false\nrollout = { max_surge = 1 }',
  ),
  'variables that are opsd’s own, or no variables': [
    ...['OPSD_SERVICE', 'OPSD_HEARTBEAT_FILE', 'OPSD_NOTIFY_FD', 'OPSD_MARKER', 'OPSD_OTHER', 'A'].flatMap((name) => [
      { text: `env.${name} = "x"` },
      { text: `pass_env = ["${name}"]`, more: { env: { [name]: 'y' } } },
      {
        text: 'env_file = "f"',
        more: { facts: { readText: () => ({ ok: true as const, text: `A=1\n${name}=2\n` }) } },
      },
    ]),
    ...lines(
      'env."" = "x"',
      'env."a=b" = "x"',
      `env.A = "${'x'.repeat(131_069)}"`,
      `env.A = "${'x'.repeat(131_070)}"`,
      `env.A = "${'x'.repeat(131_071)}"`,
    ),
    ...['=x\n', 'A\n', 'A=1\n\nB', 'export A=1\n', '# x\nA="1\n', "A='1' x\n"].map((text) => ({
      text: 'env_file = "f"',
      more: { facts: { readText: () => ({ ok: true as const, text }) } },
      on: JSON.stringify(text),
    })),
    { text: 'env_file = "f"', more: { facts: { readText: () => ({ ok: false, why: 'no such file' }) } } },
    { text: 'cwd = "/c"\nenv_file = "f"', more: { facts: { readText: (path) => ({ ok: false, why: `of ${path}` }) } } },
  ],
  'who needs whom': [
    ...lines(
      'depends_on = ["web"]',
      'depends_on = ["nobody"]',
      'after = ["nobody"]',
      'depends_on = ["db"]\n[services.db]\ncommand = "x"\ndepends_on = ["web"]',
    ),
    ...lines(
      'depends_on = ["db"]\n[services.db]\ncommand = "x"\nafter = ["web"]',
      'depends_on = ["db"]\n[services.db]\ncommand = "x"\nenabled = false',
    ),
    ...lines(
      'depends_on = ["dbb"]\n[services.db]\ncommand = "x"',
      'depends_on = { db = "completed" }\n[services.db]\ncommand = "x"',
    ),
    ...lines(
      'depends_on = { db = "completed" }\n[services.db]\ncommand = "x"\ntype = "oneshot"',
      'depends_on = { db = "ready" }\n[services.db]\ncommand = "x"\ntype = "oneshot"',
    ),
    ...lines(
      'depends_on = ["db"]\n[services.db]\ncommand = "x"\nschedule = "@daily"',
      'depends_on = ["db"]\n[services.db]\ncommand = "x"\ninstances = 2',
      'depends_on = ["db@1"]\n[services.db]\ncommand = "x"\ninstances = 2',
    ),
    ...lines(
      'depends_on = ["a"]\n[services.a]\ncommand = "x"\ndepends_on = ["b"]\n[services.b]\ncommand = "x"\ndepends_on = ["web"]',
    ),
  ],
  heartbeats: lines(
    'heartbeat = "1s"',
    'heartbeat = { timeout = "30s", grace = "1s" }',
    'heartbeat = { timeout = "30s", grace = "30s" }',
    'heartbeat = { timeout = "30s", file = "/" }',
    'heartbeat = { timeout = "30s", file = "same" }\n[services.db]\ncommand = "x"\nheartbeat = { timeout = "30s", file = "same" }',
    'heartbeat = { timeout = "30s", file = "a/" }',
    'heartbeat.timeout = "0s"\nheartbeat.grace = "1s"',
    'heartbeat = { file = "beat" }',
    'ready = { on = "heartbeat", timeout = "5s" }\nheartbeat = { timeout = "9s", grace = "10s" }',
  ),
  'words that only a shell knows': [
    ...[
      '.',
      ':',
      '[',
      'alias',
      'cd',
      'command',
      'echo',
      'eval',
      'exec',
      'exit',
      'export',
      'for',
      'if',
      'source',
      'test',
      'ulimit',
      'umask',
      'while',
      'node',
      './cd',
    ],
  ].map((word) => ({
    text: `command = "${word} x"`,
    more: { facts: { whyNotExecutable: () => 'is not found in PATH' } },
  })),
  'what a host does not have': Object.entries(hosts()).map(([on, facts]) => ({
    text: EVERYTHING,
    more: { facts },
    on,
  })),
};

export function together(): readonly Entry[] {
  return Object.entries(CASES).map(([title, cases]) => ({
    title,
    tell: () => cases.map((one) => `  ${one.on ?? nameOf(one)}\n${outcome(one)}`).join('\n'),
  }));
}

function nameOf({ text }: Case): string {
  return text.replaceAll('\n', ' | ').replace(/x{99,}/, (long) => `(${long.length} x)`) || '(nothing)';
}

function outcome({ text, more = {} }: Case): string {
  const own = /^command/m.test(text.split('\n[')[0] ?? '') ? '[services.web]\n' : WEB;
  const result = load({ ...more, base: `${own}${text}\n` });
  const told = [
    ...(result.ok ? [] : linesOf(result.problems)),
    ...linesOf(result.warnings),
    ...linesOf(result.hostProblems).map((line) => `the host: ${line}`),
  ];
  const set = result.ok
    ? [...result.config.services.values()].slice(0, 2).map(({ name, effective }) => {
        const values = [...effective].filter(([, { source }]) => source !== 'default');
        return `${name}: ${values.map(([key, { value }]) => `${key} ${value}`.slice(0, 60)).join(', ')}`;
      })
    : [];
  const rest = text === EVERYTHING ? (told.length === 0 ? ['nothing is missing'] : []) : set;
  return [...told, ...rest].map((line) => `    ${line}`).join('\n');
}
