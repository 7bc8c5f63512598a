// `instances`: one service of the file, several that run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { planReload } from '../../src/core/model/changes.ts';
import { assertOnly, configOf, linesOf, load, problemsOf, type Texts } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';
const namesOf = (texts: Texts | string) => [...configOf(texts).services.keys()];

test('each instance is a service with a name, a number and files of its own', () => {
  const { services, groups } = configOf(`${WEB}instances = 3\n[services.db]\ncommand = "true"\n`);
  assert.deepEqual([...services.keys()], ['web@1', 'web@2', 'web@3', 'db']);
  const second = services.get('web@2');
  assert.deepEqual([second?.name, second?.group, second?.instance], ['web@2', 'web', 2]);
  assert.equal(second?.launch.heartbeatFile, '/work/tmp/web@2.heartbeat');
  assert.deepEqual([services.get('db')?.group, services.get('db')?.instance], [null, null]);
  assert.deepEqual([...groups], [['web', { configured: 3, instances: 3 }]]);
});

test('its number, and sums with it, are put into all its texts', () => {
  const { services } = configOf(`[services.web]
command = "serve --id \${instance} --peer \${ 10 - instance + 1 }"
cwd = "/srv/web-\${instance}"
env = { PORT = "\${8080 + instance}", SHELL_CODE = "\${HOME} \${x:-1}" }
before_start = ["mkdir", "d\${instance}"]
ready = { on = "http" }
health = { tcp = "127.0.0.1:\${9000+instance}" }
instances = 2
`);
  const web = services.get('web@2');
  assert.deepEqual(web?.launch.command, ['serve', '--id', '2', '--peer', '9']);
  assert.equal(web?.launch.cwd, '/srv/web-2');
  assert.deepEqual(web?.launch.env, { PORT: '8082', SHELL_CODE: `\${HOME} \${x:-1}` });
  assert.deepEqual(web?.policy.beforeStart?.command, ['mkdir', 'd2']);
  assert.deepEqual(web?.policy.ready?.probe, {
    kind: 'http',
    ...{ url: 'http://127.0.0.1:8082/.well-known/live', status: null },
  });
  assert.deepEqual(web?.policy.health?.probe, { kind: 'tcp', host: '127.0.0.1', port: 9002 });
});

test('what depends on it depends on all instances, or on the one that is named', () => {
  const after = `${WEB}instances = 2\n[services.lb]\ncommand = "true"\n`;
  const dependencies = (line: string) => configOf(`${after}${line}\n`).services.get('lb')?.policy.dependsOn;
  assert.deepEqual(dependencies('depends_on = { web = "started" }'), [
    { service: 'web@1', until: 'started' },
    { service: 'web@2', until: 'started' },
  ]);
  assert.deepEqual(dependencies('depends_on = ["web@2"]'), [{ service: 'web@2', until: 'ready' }]);
  assert.deepEqual(configOf(`${after}after = ["web"]\n`).services.get('lb')?.policy.after, ['web@1', 'web@2']);
  assertOnly(
    problemsOf(`${after}depends_on = ["web@3"]\n`),
    'config.toml:6 services.lb.depends_on',
    /no service "web@3"/,
  );
});

test('no service of a file, and none of a variable, has the name of an instance', () => {
  const remedy = /^an @ is in the names of instances only; write instances = 2 to have web@1 and web@2$/;
  const clash = `${WEB}instances = 2\n[services."web@1"]\ncommand = ["true"]\n`;
  assertOnly(problemsOf(clash), 'config.toml:4 services."web@1"', remedy);
  assertOnly(problemsOf('[services."@"]\ncommand = ["true"]\n'), 'config.toml:1 services."@"', remedy);
  const env = { 'OPSD__SERVICES__WEB@1__COMMAND': '["true"]' };
  assert.ok(!load({ base: `${WEB}instances = 2\n`, env }).ok);
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: fc.constantFrom('a', 'Z', '1', '@', '.', '_', '-') }), (name) => {
      const { ok } = load(`[services.${JSON.stringify(name)}]\ncommand = ["true"]\n`);
      assert.ok(!(ok && name.includes('@')), name);
    }),
  );
});

test('a number that is none is told once', () => {
  for (const count of ['0', '-1', '1001', '1_000_000', '1.5', '"4"', '[]']) {
    const message = /^expected a whole number from 1 to 1000, got /;
    assertOnly(problemsOf(`${WEB}instances = ${count}\n`), 'config.toml:3 services.web.instances', message);
  }
  assert.equal(namesOf(`${WEB}instances = 1000\n`).length, 1000);
  assert.deepEqual(namesOf(`${WEB}instances = 1\n`), ['web@1']);
});

test('what is wrong with all instances is told once, where it stands', () => {
  const base = `${WEB}instances = 50\n`;
  assertOnly(problemsOf(`${base}stop_timeout = 5\n`), 'config.toml:4 services.web.stop_timeout', /got 5/);
  assertOnly(problemsOf(`${base}depends_on = ["web"]\n`), 'config.toml:4 services.web.depends_on', /wait for itself/);
  assertOnly(
    problemsOf(`${base}env = { A = "\${8080 * instance}" }\n`),
    'config.toml:4 services.web.env.A',
    /^expected \$\{instance\}, or a sum of whole numbers such as \$\{8080 \+ instance\}, got "\$\{8080 \* instance\}"$/,
  );
  assertOnly(
    problemsOf(`${base}heartbeat = { file = "beat" }\n`),
    'config.toml:4 services.web.heartbeat.file',
    /^all instances would share it; write \$\{instance\} into it$/,
  );
  const circle = problemsOf(`${base}after = ["db"]\n[services.db]\ncommand = "x"\nafter = ["web"]\n`);
  assert.ok(circle.length >= 1 && circle.length <= 2, linesOf(circle).join('\n'));
  assert.match(circle[0]?.message ?? '', /(web -> db -> web|db -> web -> db)/);
});

test('what is to be a sum and is none is a problem, what a shell would read is not', () => {
  const problemsIn = (value: string) => problemsOf(`${WEB}instances = 2\nenv = { A = '${value}' }\n`);
  for (const sum of ['8080 + foo', 'foo + 8080', '8080+foo', '8080 - ', 'instance + 1.5', 'instances + instance']) {
    const got = new RegExp(`, got ${RegExp.escape(JSON.stringify(`\${${sum}}`))}$`);
    assertOnly(problemsIn(`x\${${sum}}y`), 'config.toml:4 services.web.env.A', got);
  }
  for (const open of ['instance', '8080 + instance', '8080 + foo']) {
    const got = new RegExp(`, got "\\$\\{${RegExp.escape(open)}"; the closing } is missing$`);
    assertOnly(problemsIn(`\${${open}`), 'config.toml:4 services.web.env.A', got);
    assertOnly(problemsIn(`\${${open} \${HOME}`), 'config.toml:4 services.web.env.A', /is missing$/);
  }
  for (const own of ['HOME', 'x:-1', '1-none', '1+some', 'x+1', 'x-1', '#x', 'instances', 'x', '8080']) {
    assert.deepEqual(problemsIn(`\${${own}}`), [], own);
  }
  assert.deepEqual(problemsIn('${HOME'), []);
  const secret = { base: `${WEB}instances = 2\n`, secret: `[services.web.env]\nA = "\${31337 + foo}"\n` };
  assertOnly(problemsOf(secret), 'env.toml:2 services.web.env.A', /, got \[redacted\]$/);
});

test('without instances nothing is put in its place, which is doubtful', () => {
  const base = `${WEB}env = { PORT = "\${8080 + instance}" }\n`;
  assert.deepEqual(linesOf(load(base).warnings), [
    `config.toml:3 services.web.env.PORT \${instance} stands for nothing here; add instances = 2, or remove it`,
  ]);
});

test('an operator may want another number than the file', () => {
  const texts = { base: `${WEB}instances = 2\n[services.db]\ncommand = "true"\n`, scale: { web: 3, db: 4, gone: 5 } };
  const { services, groups } = configOf(texts);
  assert.deepEqual([...services.keys()], ['web@1', 'web@2', 'web@3', 'db']);
  assert.deepEqual([...groups], [['web', { configured: 2, instances: 3 }]]);
  assert.deepEqual(services.get('web@3')?.effective.get('instances'), {
    value: '3',
    secret: false,
    inForce: 'at_once',
    source: 'opsd ctl scale (config.toml:3: 2)',
  });
  assert.deepEqual(namesOf({ ...texts, scale: { web: 0 } }), ['web@1', 'web@2', 'db']);
});

test('more instances are added, and those that are there run on', () => {
  const changes = planReload(configOf(`${WEB}instances = 2\n`), configOf(`${WEB}instances = 3\n`));
  assert.deepEqual(
    changes.map(({ service, kind }) => `${service} ${kind}`),
    ['web@1 changed', 'web@2 changed', 'web@3 added'],
  );
});
