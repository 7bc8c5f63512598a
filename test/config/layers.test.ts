// Three layers: config.toml < environment variables < env.toml; tables merge key by key, lists replace.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertOnly, configOf, linesOf, problemsOf, serviceOf, type Texts } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';

test('the strongest layer that sets a key wins, whichever of them do', () => {
  const layer = fc.option(fc.nat(999), { nil: undefined });
  fc.assert(
    fc.property(layer, layer, layer, layer, (defaults, own, variable, secret) => {
      const texts = {
        base: `${defaults === undefined ? '' : `[defaults]\nmax_failures = ${defaults}\n`}${WEB}${own === undefined ? '' : `max_failures = ${own}\n`}`,
        env: variable === undefined ? {} : { OPSD__SERVICES__WEB__MAX_FAILURES: String(variable) },
        secret: secret === undefined ? '' : `[services.web]\nmax_failures = ${secret}\n`,
      };
      const { policy, effective } = serviceOf(texts);
      assert.equal(policy.maxFailures, secret ?? variable ?? own ?? defaults ?? 10);
      const source = effective.get('max_failures')?.source ?? '';
      const file = own === undefined ? 'config.toml:2' : `config.toml:${defaults === undefined ? 3 : 5}`;
      const inFile = own ?? defaults;
      const expected =
        secret !== undefined ? 'env.toml:2' : variable !== undefined ? 'OPSD__SERVICES__WEB__MAX_FAILURES' : file;
      assert.equal(source, (secret ?? variable ?? inFile) === undefined ? 'default' : expected);
    }),
  );
});

test('tables merge key by key through all layers', () => {
  const { policy } = serviceOf({
    base: `[defaults]\nbackoff = { initial = "1ms", max = "9s" }\n${WEB}backoff = { factor = 3 }\n`,
    env: { OPSD__SERVICES__WEB__BACKOFF__MAX: '8s' },
    secret: '[services.web.backoff]\njitter = 0.5\n',
  });
  assert.deepEqual(policy.backoff, { initial: 1, factor: 3, max: 8000, jitter: 0.5 });
});

test('lists replace one another', () => {
  const { policy } = serviceOf({
    base: `[defaults]\nfatal_exit_codes = [1, 78]\n${WEB}`,
    secret: '[services.web]\nfatal_exit_codes = [2]\n',
  });
  assert.deepEqual(policy.fatalExitCodes, [2]);
});

test('the short form of a table merges like the table it stands for', () => {
  const { policy, launch } = serviceOf({
    base: `[defaults]\nheartbeat = "30s"\nlog = { timestamps = true }\n${WEB}heartbeat = { grace = "2m" }\nlog = "direct"\n`,
    env: { OPSD__SERVICES__WEB__HEARTBEAT: '7s' },
  });
  assert.deepEqual(policy.heartbeat, { timeout: 7000, grace: 120_000 });
  assert.deepEqual([launch.log, policy.timestamps], ['direct', true]);
});

test('"0s" takes the heartbeat of [defaults] back', () => {
  assert.equal(serviceOf(`[defaults]\nheartbeat = "30s"\n${WEB}heartbeat = "0s"\n`).policy.heartbeat, null);
});

test('included files add services; the same one in two files is an error in the second', () => {
  const texts = { base: WEB, includes: { 'a.toml': '[services.db]\ncommand = "true"\n', 'b.toml': `\n${WEB}` } };
  assertOnly(problemsOf(texts), 'b.toml:2 services.web', /defined in config\.toml:1 too/);
  const { services } = configOf({ ...texts, includes: { 'a.toml': texts.includes['a.toml'] } });
  assert.deepEqual([...services.keys()], ['web', 'db']);
  assert.equal(services.get('db')?.effective.get('command')?.source, 'a.toml:2');
});

test('a variable reaches a service of an included file, and env.toml changes one', () => {
  const { launch } = serviceOf({
    includes: { 'a.toml': WEB },
    base: '[daemon]\nhttp = ""\n',
    env: { OPSD__SERVICES__WEB__NICE: '3' },
    secret: '[services.web]\nuser = "www"\n',
  });
  assert.deepEqual([launch.nice, launch.user], [3, 'www']);
});

test('what does not belong into a file is said to belong elsewhere', () => {
  const problems = problemsOf({
    base: `http = ""\n${WEB}`,
    includes: { 'a.toml': '[daemon]\nhttp = ""\n[defaults]\nnice = 1\n' },
    secret: 'include = ["x"]\n',
  });
  assert.deepEqual(linesOf(problems), [
    'config.toml:1 http unknown key; it belongs in [daemon]',
    'a.toml:1 daemon an included file has services only; move this to config.toml',
    'a.toml:3 defaults an included file has services only; move this to config.toml',
    'env.toml:1 include only config.toml can include files; move it there',
  ]);
});

test('a table that is none is an error at its place', () => {
  for (const key of ['daemon', 'defaults', 'services']) {
    assertOnly(
      problemsOf(`${key} = 3\n${key === 'services' ? '' : WEB}`),
      `config.toml:1 ${key}`,
      /expected a table: write \[/,
    );
  }
  assertOnly(
    problemsOf('[services]\nweb = "node server.js"\n'),
    'config.toml:2 services.web',
    /write \[services\.web\]/,
  );
});

test('what stands in the place of a table hides nothing that is wrong below it, in any layer', () => {
  const base = '[daemon]\nhttp = 1\n[defaults]\nnice = "x"\n[services.web]\nstop_timeout = 5\ncommand = "true"\n';
  const below = ['daemon.http', 'defaults.nice', 'services.web.stop_timeout'];
  for (const key of ['daemon', 'defaults', 'services']) {
    const keys = [...below, key].toSorted();
    const found = (texts: Texts) =>
      problemsOf(texts)
        .map((problem) => problem.key)
        .toSorted();
    for (const value of ['3', 'x', '[1]', '']) {
      assert.deepEqual(found({ base, env: { [`OPSD__${key.toUpperCase()}`]: value } }), keys, `${key} is ${value}`);
    }
    assert.deepEqual(found({ base, secret: `${key} = 3\n` }), keys);
    assert.deepEqual(found({ base: `${key} = 3\n`, includes: { 'a.toml': WEB } }), [key]);
  }
});

test('a variable in the place of a table says what to set instead', () => {
  assertOnly(
    problemsOf({ base: WEB, env: { OPSD__DAEMON: '3' } }),
    'OPSD__DAEMON:- daemon',
    /^expected a table; set its keys one by one \(OPSD__DAEMON__HTTP=…\), or unset it$/,
  );
  const { daemon } = configOf({ base: WEB, env: { OPSD__DAEMON: '{ http = "" }' } });
  assert.equal(daemon.http, null, 'a table in TOML is one');
});

test('a list of tables, and none at all, are told how services are written', () => {
  for (const text of ['[[services]]\nname = "web"\n', 'services = 3\n']) {
    assertOnly(problemsOf(text), 'config.toml:1 services', /^expected a table: write \[services\.NAME\] on a line/);
  }
});

test('one file that cannot be parsed does not hide what is wrong in the others', () => {
  const problems = problemsOf({
    base: '[services.web\n',
    includes: { 'a.toml': '[services.db]\nnice = "x"\n' },
    secret: '[services.web]\nstop_timeout = 5\n',
  });
  assert.deepEqual(problems.map(({ where, line }) => `${where}:${line}`).toSorted(), [
    'a.toml:2',
    'config.toml:1',
    'env.toml:2',
  ]);
});
