// From texts to a Config, or to every problem there is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblems } from '../../src/config/report/problems.ts';
import { COMPONENTS } from '../../src/config/values/log-level.ts';
import { assertOnly, configOf, linesOf, load, NO_POWERS, problemsOf, serviceOf } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';

test('what is not said has the defaults of the contract', () => {
  const { daemon, services } = configOf(WEB);
  assert.partialDeepStrictEqual(daemon, {
    http: { host: '127.0.0.1', port: 9640 },
    logLevel: { text: 'info', level: 'info', components: new Map() },
    logDir: '/work/log',
    logFormat: 'text',
    watchConfig: false,
    startConcurrency: 8,
    shutdownTimeout: 30_000,
    socketMode: 0o600,
    socketGroup: null,
    pageLogs: false,
    onEvent: [],
  });
  const web = services.get('web');
  assert.partialDeepStrictEqual(web?.launch, {
    command: ['true'],
    cwd: '/work',
    user: null,
    group: null,
    umask: null,
    nice: 0,
    oomScoreAdj: 0,
    env: {},
    heartbeatFile: '/work/tmp/web.heartbeat',
    log: 'capture',
  });
  assert.partialDeepStrictEqual(web?.policy, {
    enabled: true,
    restart: 'always',
    backoff: { initial: 100, factor: 2, max: 1600, jitter: 0.1 },
    stableAfter: 10_000,
    maxFailures: 10,
    retryFailed: 300_000,
    fatalExitCodes: [78],
    successExitCodes: [0],
    stopSignal: 'SIGTERM',
    stopTimeout: 30_000,
    heartbeat: null,
    dependsOn: [],
    after: [],
    ready: null,
    health: null,
    timestamps: false,
  });
});

test('every key of the contract is read', () => {
  const { daemon, services } = configOf({
    base: `
[daemon]
http = ""
log_level = "info,heartbeat=debug"
log_dir = "/var/log/x"
log_format = "json"
watch_config = true
start_concurrency = 3
shutdown_timeout = "1h"
socket_mode = "0660"
socket_group = "ops"
page_logs = true
[services.db]
command = "db --data 'my files'"
[services.web]
command = ["node", "server.js"]
cwd = "data/../web"
user = "web"
group = 33
umask = "027"
nice = -5
oom_score_adj = 500
env = { PORT = "8080" }
env_file = "web.env"
pass_env = ["FOO", "ABSENT"]
enabled = false
restart = "on-failure"
backoff = { initial = "1s", factor = 1.5, max = "30d", jitter = 0 }
stable_after = "1m"
max_failures = 0
retry_failed = "0s"
fatal_exit_codes = [1, 78]
success_exit_codes = [0, 3]
stop_signal = "INT"
stop_timeout = "45s"
heartbeat = { timeout = "30s", grace = "60s", file = "beat" }
log = { mode = "direct", timestamps = true }
depends_on = { db = "started" }
after = ["db"]
ready = { on = "delay", timeout = "20s", delay = "2s" }
`,
    env: { FOO: 'from outside', PORT: 'not passed' },
    facts: { readText: (path) => ({ ok: true, text: `PORT=1\nFOO=2\nFROM=${path}\n` }) },
  });
  assert.partialDeepStrictEqual(daemon, {
    http: null,
    logLevel: { text: 'info,heartbeat=debug', level: 'info', components: new Map([['heartbeat', 'debug']]) },
    logDir: '/var/log/x',
    logFormat: 'json',
    watchConfig: true,
    startConcurrency: 3,
    shutdownTimeout: 3_600_000,
    socketMode: 0o660,
    socketGroup: 'ops',
    pageLogs: true,
    onEvent: [],
  });
  assert.deepEqual(services.get('db')?.launch.command, ['db', '--data', 'my files']);
  const web = services.get('web');
  assert.partialDeepStrictEqual(web?.launch, {
    command: ['node', 'server.js'],
    cwd: '/work/web',
    user: 'web',
    group: '33',
    umask: 0o027,
    nice: -5,
    oomScoreAdj: 500,
    env: { PORT: '8080', FOO: 'from outside', FROM: '/work/web/web.env' },
    heartbeatFile: '/work/web/beat',
    log: 'direct',
  });
  assert.partialDeepStrictEqual(web?.policy, {
    enabled: false,
    restart: 'on-failure',
    backoff: { initial: 1000, factor: 1.5, max: 2_592_000_000, jitter: 0 },
    stableAfter: 60_000,
    maxFailures: 0,
    retryFailed: 0,
    fatalExitCodes: [1, 78],
    successExitCodes: [0, 3],
    stopSignal: 'SIGINT',
    stopTimeout: 45_000,
    heartbeat: { timeout: 30_000, grace: 60_000 },
    dependsOn: [{ service: 'db', until: 'started' }],
    after: ['db'],
    ready: { on: 'delay', timeout: 20_000, delay: 2000, probe: null, interval: 500, pattern: null },
    health: null,
    timestamps: true,
  });
});

test('a list of dependencies means that they are ready', () => {
  const base = `${WEB}depends_on = ["db", "db"]\n[services.db]\ncommand = "true"\n`;
  assert.deepEqual(serviceOf(base).policy.dependsOn, [{ service: 'db', until: 'ready' }]);
});

test('a wrong value is told with its place, what was expected, what was found, and what to do', () => {
  const rows: readonly (readonly [line: string, key: string, message: string | RegExp])[] = [
    ['stop_timeout = 30', 'stop_timeout', 'expected a duration such as "30s", got 30; for seconds write "30s"'],
    ['stop_timeout = "0s"', 'stop_timeout', 'expected a duration of at least "1ms", got "0s"'],
    ['stop_timeout = "-1s"', 'stop_timeout', /not a negative one, got "-1s"/],
    ['stop_timeout = "100y"', 'stop_timeout', /duration/],
    ['retry_failed = "99999d"', 'retry_failed', /at most "3650d"/],
    ['comand = 1', 'comand', 'unknown key; did you mean "command"?'],
    ['health = "x"', 'health', 'expected a table, got "x"'],
    ['autostart = true', 'autostart', 'unknown key; did you mean "enabled"?'],
    ['zzzzzzzz = true', 'zzzzzzzz', /^unknown key; the keys here are after, after_stop, backoff, /],
    ['heartbeat = { timout = "3s" }', 'heartbeat.timout', 'unknown key; did you mean "timeout"?'],
    ['heartbeat = 30', 'heartbeat.timeout', /duration such as "30s", got 30/],
    ['heartbeat = []', 'heartbeat.timeout', /got \[\]/],
    ['backoff = "1s"', 'backoff', 'expected a table, got "1s"'],
    ['backoff = { factor = 0.5 }', 'backoff.factor', 'expected a number from 1 to 100, got 0.5'],
    ['backoff = { factor = nan }', 'backoff.factor', /a number from 1 to 100, got NaN/],
    ['backoff = { jitter = 2 }', 'backoff.jitter', /from 0 to 1/],
    ['backoff = { initial = "5s" }', 'backoff.initial', /"5s", is longer than backoff\.max, "1600ms"/],
    ['restart = "alwasy"', 'restart', 'expected one of "always", "on-failure", "never", got "alwasy"'],
    ['enabled = "yes"', 'enabled', 'expected true or false, got "yes"'],
    ['nice = 20', 'nice', 'expected a whole number from -20 to 19, got 20'],
    ['nice = 1.5', 'nice', /whole number/],
    ['max_failures = -1', 'max_failures', /from 0/],
    ['fatal_exit_codes = [1, 256]', 'fatal_exit_codes', /from 0 to 255, got 256 in element 2/],
    ['fatal_exit_codes = 1', 'fatal_exit_codes', /a list of exit codes, got 1/],
    [
      'success_exit_codes = [0, 78]',
      'success_exit_codes',
      '78 is in fatal_exit_codes by default; write fatal_exit_codes = [] as well, or leave it out here',
    ],
    [
      'fatal_exit_codes = [0, 2]',
      'fatal_exit_codes',
      '0 is in success_exit_codes by default; write success_exit_codes = [] as well, or leave it out here',
    ],
    ['env = { A = 1 }', 'env.A', 'expected a string, got 1; write "1"'],
    ['env = { A = true }', 'env.A', 'expected a string, got true; write "true"'],
    ['env = { A = [] }', 'env.A', 'expected a string, got []'],
    ['env = ["A=1"]', 'env', /a table of strings/],
    ['env = { "A=B" = "1" }', 'env."A=B"', /name of a variable/],
    ['env = { OPSD_MARKER = "1" }', 'env.OPSD_MARKER', /set by opsd itself/],
    ['pass_env = ["OPSD_SERVICE"]', 'pass_env', /set by opsd itself/],
    ['pass_env = "A"', 'pass_env', /a list of variable names/],
    ['pass_env = ["A B"]', 'pass_env', 'expected the name of a variable such as "HOME", got "A B" in element 1'],
    ['pass_env = ["A", ""]', 'pass_env', 'expected the name of a variable such as "HOME", got "" in element 2'],
    ['pass_env = ["A=1"]', 'pass_env', /^expected the name of a variable such as "HOME", got "A=1"/],
    ['env = { A = "a\\u0000b" }', 'env.A', /NUL byte/],
    ['env = { "A\\u0000B" = "1" }', 'env."A\\u0000B"', /^has a NUL byte in it/],
    ['pass_env = ["A\\u0000B"]', 'pass_env', /^has a NUL byte in it/],
    ['cwd = "~/x"', 'cwd', /^expected a path without ~, got "~\/x"; ~ is not expanded: .* such as "\/home\/web"$/],
    ['env_file = "~web/x"', 'env_file', /; ~ is not expanded/],
    ['cwd = ""', 'cwd', /expected a path, got ""/],
    ['cwd = 2020-01-01', 'cwd', /got a point in time/],
    ['user = "a b"', 'user', /a name such as/],
    ['user = "-x"', 'user', /a name such as/],
    ['umask = 22', 'umask', /octal, in quotes/],
    ['umask = "999"', 'umask', /octal/],
    ['stop_signal = "SIGTREM"', 'stop_signal', /did you mean "SIGTERM"\?$/],
    ['stop_signal = "STOP"', 'stop_signal', /can end/],
    ['log = "captrue"', 'log.mode', /expected one of "capture", .* got "captrue"/],
    ['log = { mode = "none", timestamp = true }', 'log.timestamp', /did you mean "timestamps"/],
    ['depends_on = 3', 'depends_on', /a list of services/],
    ['depends_on = { web2 = "up" }', 'depends_on', /"ready", "started" or "completed"/],
    ['ready = { timeout = "3s" }', 'ready.on', /^is missing; expected one of "heartbeat", "delay", /],
    ['ready = { on = "heartbeat" }', 'ready.on', /no heartbeat; add heartbeat = "30s"/],
    ['ready = { on = "delay", delay = "3m" }', 'ready.delay', /not shorter than ready\.timeout/],
  ];
  for (const [line, key, message] of rows) {
    const problems = problemsOf(`${WEB}\n${line}\n`);
    const pattern = typeof message === 'string' ? new RegExp(`^${RegExp.escape(message)}$`) : message;
    assertOnly(problems, `config.toml:4 services.web.${key}`, pattern);
  }
});

test('a wrong value of [daemon] too', () => {
  const rows: readonly (readonly [line: string, key: string, message: RegExp])[] = [
    ['http = 9640', 'http', /an address such as "127\.0\.0\.1:9640", or "" for none, got 9640/],
    ['http = "9640"', 'http', /write "127\.0\.0\.1:9640"/],
    ['http = "localhost"', 'http', /an address/],
    ['http = "[::1]:99999"', 'http', /at most 65535/],
    ['log_level = "inof"', 'log_level', /did you mean "info"/],
    ['log_level = "info,heartbeat=loud"', 'log_level', /the levels are trace/],
    [
      'log_level = "info,foo=trace"',
      'log_level',
      /; opsd has no component "foo"; the components are output, processes, hooks, http, heartbeat, probes$/,
    ],
    ['log_level = "info, heartbaet = debug"', 'log_level', /; did you mean "heartbeat"\?; the components are output, /],
    ['shutdown_timeout = "0s"', 'shutdown_timeout', /at least/],
    ['start_concurrency = 0', 'start_concurrency', /from 1 to 1000/],
    ['socket_mode = "4755"', 'socket_mode', /octal/],
    ['log_dri = "x"', 'log_dri', /did you mean "log_dir"/],
    ['on_event = 7', 'on_event', /expected hooks \(each a table: .*, got 7/],
  ];
  for (const [line, key, message] of rows) {
    assertOnly(problemsOf(`[daemon]\n${line}\n${WEB}`), `config.toml:2 daemon.${key}`, message);
  }
});

test('a filter may set every component apart', () => {
  const filter = `info, ${COMPONENTS.map((name) => `${name} = debug`).join(',')}`;
  const { daemon, effective } = configOf(`[daemon]\nlog_level = "${filter}"\n${WEB}`);
  assert.deepEqual([...daemon.logLevel.components.keys()], COMPONENTS);
  assert.equal(effective.get('log_level')?.value, JSON.stringify(filter), 'as it was written');
});

test('addresses of all kinds are read', () => {
  const all = [
    ['', null],
    ['0.0.0.0:0', { host: '0.0.0.0', port: 0 }],
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['[::1]:9640', { host: '::1', port: 9640 }],
    ['host-1.example:65535', { host: 'host-1.example', port: 65_535 }],
  ] as const;
  for (const [http, address] of all) {
    const { daemon, effective } = configOf(`[daemon]\nhttp = "${http}"\n${WEB}`);
    assert.deepEqual(daemon.http, address);
    assert.equal(effective.get('http')?.value, JSON.stringify(http), 'as it was written');
  }
});

test('a service needs a command and a usable name', () => {
  assertOnly(
    problemsOf('\n[services.web]\nnice = 1\n'),
    'config.toml:2 services.web.command',
    /^is missing; expected a list/,
  );
  for (const name of ['"a/b"', '"a b"', '".x"', '""', `"${'x'.repeat(65)}"`, '"é"', '"__proto__"']) {
    const problems = problemsOf(`[services.${name}]\ncommand = ["true"]\n`);
    assert.equal(problems.length, 1, name);
    assert.match(problems[0]?.message ?? '', /expected a name of letters/);
  }
  const [problem] = problemsOf('[services."a@1"]\ncommand = "true"\n');
  assert.match(problem?.message ?? '', /^an @ is in the names of instances only; write instances = 2/);
  for (const name of ['opsd', 'all']) {
    assertOnly(problemsOf(`[services.${name}]\ncommand = "true"\n`), `config.toml:1 services.${name}`, /reserved/);
  }
  for (const name of ['constructor', 'toString', '0', 'A.b_c-d', 'x'.repeat(64)]) {
    assert.ok(load(`[services."${name}"]\ncommand = "true"\n`).ok, name);
  }
});

test('all problems are told at once, those of meaning beside those of form', () => {
  const result = load({
    base: `
htpp = ""
[daemon]
http = 1
log_levle = "info"
[defaults]
nice = "x"
[services.web]
command = "a | b"
depends_on = ["dbb"]
user = "nobody-there"
restart = "no"
[services.db]
comand = ["x"]
cwd = "/missing"
stop_timeout = 5
`,
    env: { OPSD__NOPE: '1' },
    secret: '[services.db]\nstop_signal = 9\n',
    facts: { hasUser: () => false, look: (path) => (path === '/missing' ? 'missing' : 'directory') },
  });
  assert.ok(!result.ok);
  assert.deepEqual(
    [...result.problems, ...result.hostProblems]
      .map(({ where, line, key }) => `${where}:${line ?? '-'} ${key}`)
      .toSorted(),
    [
      'OPSD__NOPE:- ',
      'config.toml:10 services.web.depends_on',
      'config.toml:11 services.web.user',
      'config.toml:12 services.web.restart',
      'config.toml:13 services.db.command',
      'config.toml:14 services.db.comand',
      'config.toml:15 services.db.cwd',
      'config.toml:16 services.db.stop_timeout',
      'config.toml:2 htpp',
      'config.toml:4 daemon.http',
      'config.toml:5 daemon.log_levle',
      'config.toml:7 defaults.nice',
      'config.toml:9 services.web.command',
      'env.toml:2 services.db.stop_signal',
    ].toSorted(),
  );
});

test('a mistake in [defaults] is told once, at its place, however many services have it', () => {
  const services = Array.from({ length: 50 }, (_, n) => `[services.s${n}]\ncommand = "true"\n`).join('');
  assertOnly(problemsOf(`[defaults]\nstop_timeout = 5\n${services}`), 'config.toml:2 defaults.stop_timeout', /got 5/);
  assertOnly(problemsOf(`[defaults]\nnope = 5\n${services}`), 'config.toml:2 defaults.nope', /unknown key/);
  assertOnly(problemsOf(`[defaults]\nnice = "x"\n${WEB}nice = 1\n`), 'config.toml:2 defaults.nice', /got "x"/);
});

test('[defaults] may leave out what each service says for itself', () => {
  const { policy } = serviceOf(`[defaults]\nready = { timeout = "9s" }\n${WEB}ready = { on = "delay" }\n`);
  assert.deepEqual([policy.ready?.on, policy.ready?.timeout, policy.ready?.delay], ['delay', 9000, 1000]);
});

test('an empty file is a problem unless it is meant; one without services is doubtful', () => {
  for (const text of ['', '\n\n', '# only a comment\n']) {
    assertOnly(problemsOf(text), 'config.toml:- ', /is empty; define a service/);
    assert.ok(load({ base: text, allowEmpty: true }).ok);
  }
  const { warnings } = load('[daemon]\nhttp = ""\n');
  assert.match(linesOf(warnings)[0] ?? '', /nothing is supervised/);
});

test('what env.toml says, and what has a secret name, is in no message and in no value that is shown', () => {
  const secret = 'hunter2';
  const bad = fc.constantFrom(
    `"${secret}"`,
    `["${secret}"]`,
    `{ ${'x'} = "${secret}" }`,
    `"${secret} | ${secret}"`,
    `"a\\u0000${secret}"`,
  );
  const key = fc.constantFrom(
    ...[
      'command',
      'cwd',
      'user',
      'group',
      'umask',
      'nice',
      'env_file',
      'pass_env',
      'restart',
      'backoff',
      'backoff.max',
    ],
    ...[
      'stop_signal',
      'stop_timeout',
      'heartbeat',
      'heartbeat.file',
      'log',
      'depends_on',
      'after',
      'ready.on',
      'env.A',
    ],
    ...['fatal_exit_codes', 'enabled', 'env.PATH', 'nope', 'ready', 'ready.url', 'ready.address', 'ready.command'],
    ...['ready.pattern', 'health', 'health.http', 'health.tcp', 'health.exec', 'schedule', 'timezone', 'overlap'],
    ...['before_start', 'after_stop.command', 'tags', 'instances', 'limits', 'limits.memory', 'limits.core'],
    ...['limits.cpu', 'ionice', 'capabilities', 'wrapper', 'type', 'timeout', 'on_failed', 'env.PORT', 'rollout'],
    ...['rollout.max_unavailable', 'rollout.max_surge'],
  );
  const facts = {
    look: () => 'missing' as const,
    whyNotExecutable: (...words: unknown[]) => `no ${words.join(' ')}`,
    readText: (path: string) => ({ ok: false as const, why: `no ${path.length}` }),
    hasUser: () => false,
    hasGroup: () => false,
    privileges: () => NO_POWERS,
    whyNotSchedule: (cron: string) => `no ${cron}`,
    hasCgroups: () => false,
  };
  fc.assert(
    fc.property(fc.array(fc.tuple(key, bad), { minLength: 1, maxLength: 3 }), (pairs) => {
      const lines = new Map(pairs).entries().map(([name, value]) => `services.web.${name} = ${value}\n`);
      for (const machine of [facts, {}]) {
        const result = load({ base: WEB, secret: [...lines].join(''), facts: machine });
        const told = result.ok ? [...result.warnings] : [...result.problems, ...result.warnings];
        // The names of keys are no secrets, and a stray { x = … } makes one.
        assert.ok(!JSON.stringify(told).includes(secret), formatProblems(told));
        if (!result.ok) continue;
        for (const [name, value] of result.config.services.get('web')?.effective ?? []) {
          assert.ok(value.secret || !value.value.includes(secret), name);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test('a variable may be called as what every object has, wherever it comes from', () => {
  const odd = ['__proto__', 'constructor', 'toString'];
  const all = (value: string) => odd.map((name) => [name, value] as const);
  const written = odd.map((name) => `${name} = "x"`).join(', ');
  const { launch, effective } = serviceOf(`${WEB}env = { ${written} }\n`);
  assert.deepEqual(Object.entries(launch.env), all('x'));
  assert.deepEqual(effective.get('env.__proto__'), {
    value: '"x"',
    secret: false,
    source: 'config.toml:3',
    inForce: 'anew',
  });
  const facts = { readText: () => ({ ok: true as const, text: odd.map((name) => `${name}=y\n`).join('') }) };
  assert.deepEqual(Object.entries(serviceOf({ base: `${WEB}env_file = "f"\n`, facts }).launch.env), all('y'));
  const base = `${WEB}pass_env = ${JSON.stringify(odd)}\n`;
  assert.deepEqual(Object.entries(serviceOf({ base, env: Object.fromEntries(all('z')) }).launch.env), all('z'));
  assert.deepEqual(serviceOf(base).launch.env, {}, 'none of them is set');
  assertOnly(
    problemsOf(`${WEB}env = { __proto__ = 1 }\n`),
    'config.toml:3 services.web.env.__proto__',
    /a string, got 1/,
  );
});

test('what to write instead of a secret number is not said either', () => {
  const problems = problemsOf({ base: WEB, secret: '[services.web]\nstop_timeout = 31337\n' });
  assertOnly(problems, 'env.toml:2 services.web.stop_timeout', /^expected a duration such as "30s", got \[redacted\]$/);
});

test('a service may be named like a secret', () => {
  const { effective } = serviceOf(`${WEB}depends_on = ["keycloak"]\n[services.keycloak]\ncommand = "true"\n`);
  assert.deepEqual(effective.get('depends_on.keycloak'), {
    value: '"ready"',
    secret: false,
    source: 'config.toml:3',
    inForce: 'at_once',
  });
});

test('values of keys with secret names are marked wherever they come from', () => {
  const { effective } = serviceOf({
    base: `${WEB}env = { API_KEY = "1", db_Password = "2", PORT = "3" }\nenv_file = "x"\npass_env = ["GITHUB_TOKEN"]\n`,
    env: { GITHUB_TOKEN: '4' },
    secret: '[services.web.env]\nPLAIN = "5"\n',
    facts: { readText: () => ({ ok: true, text: 'MY_SECRET=6\nOTHER=7\n' }) },
  });
  const isSecret = (name: string) => effective.get(`env.${name}`)?.secret;
  assert.deepEqual(['API_KEY', 'db_Password', 'GITHUB_TOKEN', 'PLAIN', 'MY_SECRET'].map(isSecret), Array(5).fill(true));
  assert.deepEqual(['PORT', 'OTHER'].map(isSecret), [false, false]);
  assertOnly(
    problemsOf(`${WEB}env = { API_KEY = 31337 }\n`),
    'config.toml:3 services.web.env.API_KEY',
    /got \[redacted\]$/,
  );
});

test('a value that shows a secret one is secret as well', () => {
  const { effective } = serviceOf({ base: WEB, secret: '[services.web]\ncwd = "/hidden"\nheartbeat = "7s"\n' });
  for (const key of ['cwd', 'heartbeat.file', 'heartbeat.timeout', 'heartbeat.grace']) {
    assert.equal(effective.get(key)?.secret, true, key);
  }
});

test('the effective values are the same for settings that mean the same', () => {
  const one = serviceOf(
    '[services.web]\ncommand = "a \'b c\'"\nstop_timeout = "90s"\ncwd = "x/.."\nheartbeat = "60s"\numask = "22"\n',
  );
  const other = serviceOf(
    '[services.web]\ncommand = ["a", "b c"]\nstop_timeout = "1m30s"\nheartbeat = { timeout = "1m", grace = "1m" }\numask = "0022"\n',
  );
  const values = (service: typeof one) => [...service.effective].map(([key, { value }]) => [key, value]);
  assert.deepEqual(values(one), values(other));
});

test('each value knows where it comes from', () => {
  const { effective } = serviceOf({
    base: `[defaults]\nnice = 3\n${WEB}env = { A = "1" }\nenv_file = "/x.env"\npass_env = ["B"]\ndepends_on = ["db"]\n[services.db]\ncommand = "true"\n`,
    env: { B: '2', OPSD__SERVICES__WEB__UMASK: '077' },
    secret: '[services.web]\nuser = "w"\n',
    facts: { readText: () => ({ ok: true, text: '\nC=3\n' }) },
  });
  const source = (key: string) => effective.get(key)?.source;
  assert.deepEqual(
    ['nice', 'command', 'env.A', 'env.B', 'env.C', 'umask', 'user', 'stop_timeout', 'depends_on.db'].map(source),
    [
      ...['config.toml:2', 'config.toml:4', 'config.toml:5', 'environment', '/x.env:2', 'OPSD__SERVICES__WEB__UMASK'],
      ...['env.toml:2', 'default', 'config.toml:8'],
    ],
  );
});

test('no text makes it throw', () => {
  const piece = fc.constantFrom(
    ...[
      '[services.web]',
      '[defaults]',
      '[daemon]',
      '[services]',
      'command = "true"',
      'x = 1',
      'env = { a = [] }',
      'web = 1',
    ],
    ...[
      'ready = []',
      'heartbeat = { timeout = {} }',
      '[[services]]',
      'depends_on = { a = {} }',
      'log = [1]',
      'include = 3',
    ],
    ...['[services.web.env]', '__proto__ = 1', 'command = [[["x"]]]', 'backoff.initial.x = 1', 'toString = "x"'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), fc.array(piece, { maxLength: 4 }), (base, secret) => {
      const result = load({ base: base.join('\n'), secret: secret.join('\n') });
      assert.ok(result.ok || result.problems.length > 0);
    }),
    { numRuns: 500 },
  );
});

test('1,000 services are loaded without a thought', () => {
  const services = Array.from({ length: 1000 }, (_, n) => `[services.s${n}]\ncommand = ["sleep", "${n}"]\n`).join('');
  const config = configOf(`[defaults]\nstop_timeout = "5s"\n${services}`);
  assert.equal(config.services.size, 1000);
  const all = [...config.services.values()];
  const values = new Set(all.map(({ effective }) => effective.get('stop_timeout')));
  assert.equal(values.size, 1, 'one object for all that have the same value from the same place');
});
