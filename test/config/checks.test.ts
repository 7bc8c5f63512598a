// What is right in form and cannot work on this machine, or ever.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_POWERS, assertOnly, linesOf, load, NO_POWERS, problemsOf, type Texts } from './loading.ts';

const WEB = '[services.web]\ncommand = ["node", "x"]\n';

const warningsOf = (texts: Parameters<typeof load>[0]) => linesOf(load(texts).warnings);

test('a command that cannot be executed is a problem; of a service that is not enabled, a warning', () => {
  const facts = {
    whyNotExecutable: (file: string, cwd: string, path: string | null) => `no ${file} in ${cwd} or ${path}`,
  };
  assertOnly(problemsOf({ base: WEB, facts }), 'config.toml:2 services.web.command', /^no node in \/work or null$/);
  const base = `${WEB}enabled = false\ncwd = "/x"\nenv = { PATH = "/bin" }\n`;
  assert.deepEqual(warningsOf({ base, facts }), ['config.toml:2 services.web.command no node in /x or /bin']);
  assert.ok(load({ base, facts }).ok);
});

test('a cwd that is missing, closed or no directory is a problem of its own', () => {
  for (const [look, message] of [
    ['missing', /^\/x does not exist; mkdir -p \/x$/],
    ['closed', /^\/x cannot be reached/],
    ['other', /^\/x is not a directory/],
  ] as const) {
    const facts = { look: (path: string) => (path === '/x' ? look : ('directory' as const)) };
    assertOnly(problemsOf({ base: `${WEB}cwd = "/x"\n`, facts }), 'config.toml:3 services.web.cwd', message);
  }
});

test('a program relative to a missing cwd is not blamed too, one from PATH is', () => {
  const facts = { look: () => 'missing' as const, whyNotExecutable: () => 'cannot be run' };
  assert.equal(problemsOf({ base: `${WEB}cwd = "/x"\n`, facts }).length, 2);
  assert.equal(problemsOf({ base: '[services.web]\ncommand = ["./x"]\ncwd = "/x"\n', facts }).length, 1);
});

test('an unknown user or group is a problem', () => {
  const facts = { hasUser: () => false, hasGroup: () => false };
  const problems = problemsOf({ base: `[daemon]\nsocket_group = "o"\n${WEB}user = "wbe"\ngroup = 7\n`, facts });
  assert.deepEqual(linesOf(problems), [
    'config.toml:2 daemon.socket_group no group "o" on this host; create it, or correct the name',
    'config.toml:6 services.web.group no group "7" on this host; create it, or correct the name',
    'config.toml:5 services.web.user no user "wbe" on this host; create it (adduser --system wbe), or correct the name',
  ]);
});

test('without root another user or group is a problem, a negative nice a warning', () => {
  const facts = { privileges: () => NO_POWERS, isSelf: (user: string) => user === 'me' };
  assertOnly(problemsOf({ base: `${WEB}user = "you"\n`, facts }), 'config.toml:3 services.web.user', /only root/);
  assertOnly(problemsOf({ base: `${WEB}group = "g"\n`, facts }), 'config.toml:3 services.web.group', /only root/);
  assert.ok(load({ base: `${WEB}user = "me"\nnice = 5\noom_score_adj = 5\n`, facts }).ok);
  assert.equal(warningsOf({ base: `${WEB}nice = -5\noom_score_adj = -5\n`, facts }).length, 2);
});

test('root that may not change its user starts nothing as somebody else', () => {
  for (const missing of ['CAP_SETUID', 'CAP_SETGID']) {
    const capabilities = ALL_POWERS.capabilities.difference(new Set([missing]));
    const facts = { privileges: () => ({ ...ALL_POWERS, capabilities }), isSelf: (user: string) => user === 'root' };
    const told = new RegExp(
      `^opsd has no ${missing} here, .*--cap-add=${missing.replace('CAP_', '')}\\), or remove this$`,
    );
    assertOnly(problemsOf({ base: `${WEB}user = "you"\n`, facts }), 'config.toml:3 services.web.user', told);
    assertOnly(problemsOf({ base: `${WEB}group = "g"\n`, facts }), 'config.toml:3 services.web.group', told);
    assert.ok(load({ base: `${WEB}user = "root"\n`, facts }).ok);
  }
});

test('an env_file that cannot be read, or is none, is a problem', () => {
  const missing = { readText: () => ({ ok: false as const, why: 'it does not exist' }) };
  const base = `${WEB}cwd = "/d"\nenv_file = "web.env"\n`;
  assertOnly(
    problemsOf({ base, facts: missing }),
    'config.toml:4 services.web.env_file',
    /^\/d\/web\.env cannot be read: it/,
  );
  const broken = { readText: () => ({ ok: true as const, text: 'A=1\nb c\nOPSD_SERVICE=x\nD=\u0000\nE\u0000F=1\n' }) };
  assert.deepEqual(linesOf(problemsOf({ base, facts: broken })), [
    '/d/web.env:2 services.web.env_file expected NAME=value, or # in front of a comment',
    '/d/web.env:3 services.web.env_file OPSD_SERVICE is set by opsd itself; use another name',
    '/d/web.env:4 services.web.env_file D has a NUL byte in it; remove it',
    '/d/web.env:5 services.web.env_file E\u0000F has a NUL byte in it; remove it',
  ]);
  const huge = { readText: () => ({ ok: true as const, text: `A=${'x'.repeat(200_000)}` }) };
  assert.match(linesOf(problemsOf({ base, facts: huge }))[0] ?? '', /A is longer than 128 KiB/);
});

test('a log folder that is no folder is a problem', () => {
  const facts = { look: (path: string) => (path === '/work/log' ? ('other' as const) : ('directory' as const)) };
  assertOnly(
    problemsOf({ base: `[daemon]\nlog_dir = "log"\n${WEB}`, facts }),
    'config.toml:2 daemon.log_dir',
    /not a directory/,
  );
});

test('a stop that may take longer than the whole shutdown is doubtful', () => {
  const [warning = ''] = warningsOf(`[daemon]\nshutdown_timeout = "10s"\n${WEB}stop_timeout = "11s"\n`);
  assert.match(warning, /config\.toml:5 services\.web\.stop_timeout is longer than daemon\.shutdown_timeout/);
  assert.deepEqual(warningsOf(`[daemon]\nshutdown_timeout = "10s"\n${WEB}stop_timeout = "10s"\n`), []);
});

test('timestamps where opsd does not copy the output are doubtful, unless [defaults] has them', () => {
  for (const mode of ['direct', 'syslog', 'journal', 'inherit', 'none']) {
    const [warning = ''] = warningsOf(`${WEB}log = { mode = "${mode}", timestamps = true }\n`);
    assert.match(warning, /^config\.toml:3 services\.web\.log\.timestamps is ignored: .* mode = "capture"; write that/);
  }
  assert.deepEqual(warningsOf(`${WEB}log = { timestamps = true }\n`), []);
  assert.deepEqual(warningsOf(`${WEB}log = { mode = "direct", timestamps = false }\n`), []);
  assert.deepEqual(warningsOf(`[defaults]\nlog = { timestamps = true }\n${WEB}log = "direct"\n`), []);
  assert.equal(warningsOf(`[defaults]\nlog = "direct"\n${WEB}log = { timestamps = true }\n`).length, 1);
});

test('an exit code that is both a success and final is told where it is written', () => {
  const base = `[defaults]\nfatal_exit_codes = [1, 2, 78]\n${WEB}success_exit_codes = [0, 1, 2]\n`;
  const message = /^1, 2 are in success_exit_codes too; keep it in one list$/;
  assertOnly(problemsOf(base), 'config.toml:2 defaults.fatal_exit_codes', message);
  const secret = '[services.web]\nsuccess_exit_codes = [78]\n';
  const place = 'env.toml:2 services.web.success_exit_codes';
  assertOnly(
    problemsOf({ base: WEB, secret }),
    place,
    /^\[redacted\] is in fatal_exit_codes by default; write fatal_exit_codes without it/,
  );
});

test('a shell in front of a single command is doubtful, one that is needed is not', () => {
  const advised = (command: string) => warningsOf(`[services.web]\ncommand = ${command}\n`).length > 0;
  for (const command of [
    '["sh", "-c", "node server.js"]',
    '["/bin/bash", "-ec", "node server.js > out"]',
    `"sh -c 'sleep 5'"`,
    `["sh", "-c", "node 'a;b'"]`,
  ]) {
    assert.ok(advised(command), command);
  }
  for (const command of [
    '["sh", "-c", "exec node server.js"]',
    '["sh", "-c", "a | b"]',
    '["sh", "-c", "a; b"]',
    '["sh", "-c", "a && b"]',
    '["sh", "-c", "while :; do sleep 1; done"]',
    '["sh", "-c", "trap x TERM\\na"]',
    '["sh", "-c", "A=1 node x"]',
    '["sh", "-c", "echo hello"]',
    '["sh", "-c", "a $(b)"]',
    '["sh", "-c", "node $1", "x", "y"]',
    '["sh", "script.sh"]',
    '["node", "-c", "x"]',
    '["sh", "-c", ""]',
  ]) {
    assert.ok(!advised(command), command);
  }
});

test('a PREFIX that leaves no room for the socket is a problem', () => {
  const fitting = `/${'x'.repeat(107 - '/run/opsd.sock'.length - 1)}`;
  assert.ok(load({ base: WEB, prefix: fitting }).ok);
  assertOnly(
    problemsOf({ base: WEB, prefix: `${fitting}y` }),
    'PREFIX:- ',
    /has 108.*107 bytes; choose a shorter PREFIX/,
  );
});

test('a PREFIX that others could write to is a problem, before anything is kept there', () => {
  const facts = { doubtOnPrefix: (prefix: string) => (prefix === '/srv' ? 'has mode 0775: …; chmod go-w /srv' : null) };
  const [problem, ...more] = problemsOf({ base: '[services.web]\ncommand = ["true"]\n', facts });
  assert.deepEqual(more, []);
  assert.deepEqual([problem?.where, problem?.message], ['PREFIX', '/srv has mode 0775: …; chmod go-w /srv']);
});

test('what is wrong with the host leaves the configuration valid, and says of each service why it cannot start', () => {
  const base = `
[daemon]
socket_group = "gone"
[services.web]
command = ["gone"]
[services.db]
command = ["true"]
user = "gone"
[services.job]
command = ["true"]
cwd = "/gone"
[services.env]
command = ["true"]
env_file = "gone.env"
[services.fine]
command = ["true"]
`;
  const facts: Texts['facts'] = {
    look: (path) => (path === '/gone' ? 'missing' : 'directory'),
    whyNotExecutable: (file) => (file === 'gone' ? 'command gone is not in PATH' : null),
    hasUser: (user) => user !== 'gone',
    hasGroup: (group) => group !== 'gone',
    readText: () => ({ ok: false, why: 'it does not exist; create it' }),
  };
  const result = load({ base, facts });
  assert.ok(result.ok);
  assert.deepEqual(
    result.hostProblems.map(({ key, isFatal }) => [key, isFatal]).toSorted(),
    [
      ['daemon.socket_group', false],
      ['services.web.command', false],
      ['services.db.user', false],
      ['services.job.cwd', false],
      ['services.env.env_file', false],
    ].toSorted(),
  );
  const whys = [...result.config.services.values()].map(({ name, hindrance }) => [name, hindrance !== undefined]);
  assert.deepEqual(whys, [
    ['web', true],
    ['db', true],
    ['job', true],
    ['env', true],
    ['fine', false],
  ]);
  assert.match(result.config.services.get('env')?.gap?.why ?? '', /gone\.env cannot be read: it does not exist/);
});

test('what opsd itself cannot do without is fatal; of a service that is not enabled a missing command is a warning', () => {
  const fatal = (facts: NonNullable<Texts['facts']>) => {
    const result = load({ base: `[daemon]\nlog_dir = "log"\n${WEB}`, facts });
    return result.hostProblems.map(({ isFatal }) => isFatal);
  };
  assert.deepEqual(fatal({ look: (path) => (path.endsWith('/log') ? 'other' : 'directory') }), [true]);
  assert.deepEqual(fatal({ doubtOnPrefix: () => 'has mode 0777' }), [true]);
  assert.deepEqual(fatal({ doubtOnFolder: (path) => (path.endsWith('/log') ? `${path} is open` : null) }), [true]);
  const off = load({ base: `${WEB}enabled = false\n`, facts: { whyNotExecutable: () => 'gone' } });
  assert.deepEqual([off.hostProblems.length, off.warnings.length], [0, 1]);
});

test('PORT may be in the env_file that cannot be read: a probe without a port is no second problem', () => {
  const facts: Texts['facts'] = { readText: () => ({ ok: false, why: 'it does not exist' }) };
  for (const probe of ['health = { http = "/live" }', 'ready = { on = "tcp" }', 'ready = { on = "http" }']) {
    const result = load({ base: `${WEB}env_file = "x"\n${probe}\n`, facts });
    assert.deepEqual([result.ok, result.hostProblems.length], [true, 1], probe);
  }
});

test('a mistake in an env_file harms its service alone', () => {
  for (const text of ['A', 'OPSD_MARKER=1', '=x', `A=${'x'.repeat(140_000)}`]) {
    const result = load({ base: `${WEB}env_file = "x"\n`, facts: { readText: () => ({ ok: true, text }) } });
    assert.deepEqual([result.ok, result.hostProblems.length > 0], [true, true], text.slice(0, 20));
  }
});
