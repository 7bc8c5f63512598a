// What is secret: by the words of its name, by the layer it stands in, and within what is not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSecretName } from '../../src/config/secrets/names.ts';
import { redact, redactWords } from '../../src/config/secrets/parts.ts';
import { planReload } from '../../src/core/model/changes.ts';
import { configOf, linesOf, load, problemsOf, serviceOf } from './loading.ts';

const SECRET = `DB_PASS DB_PASSWORD dbPassword db-password PGPASSWORD SSHPASS MYSQL_PWD REDIS_AUTH smtp.auth sentry_dsn
  SENTRY_DSN SESSION_COOKIE sessionCookie JWT jwt-secret PASSWORD_SALT PRIVATE_KEY private credential CREDENTIALS creds
  API_KEY apiKey APIKey APIKEY apikeys AWS_SECRET_ACCESS_KEY GITHUB_TOKEN githubToken TOKEN2 OAuth2Token authtoken
  ACCESSTOKEN passphrase GPG_PASSPHRASE KEY key KEYS pass PW Authorization X-Api-Key GITHUB_PAT HTTPAuth CONNECTION_STRING
  spring.datasource.password client_secret ClientSecret SLACK_WEBHOOK signingKey MASTERKEY cookie`;
const PLAIN = `MONKEY KEYBOARD AUTHOR AUTHORS PASSENGER TOKENIZER KEYCLOAK_URL DONKEY hockey compass BYPASS TRESPASS SECRETARY
  PORT NODE_ENV PATH HOME LANG KEYSTONE passive DATABASE_URL PWDX COOKIECUTTER SALTSTACK authentic MONKEYS turkeys
  DSNX PRIVATEER credentialed CONNECTION_TIMEOUT STRING`;

test('names are secret by their words', () => {
  const words = (text: string) => text.trim().split(/\s+/);
  assert.deepEqual(
    words(SECRET).filter((name) => !isSecretName(name)),
    [],
  );
  assert.deepEqual(words(PLAIN).filter(isSecretName), []);
});

test('what is secret within a value is found, and left out of what is shown', () => {
  const told: Readonly<Record<string, [shown: string, ...secrets: string[]]>> = {
    '--password=hunter2': ['--password=[redacted]', 'hunter2'],
    'http://h/?a=1&token=hunter2&b=2': ['http://h/?a=1&token=[redacted]&b=2', 'hunter2'],
    'jdbc:x://h/d?user=me&password=hunter2': ['jdbc:x://h/d?user=me&password=[redacted]', 'hunter2'],
    'Server=h;Pwd=hunter2;X=1': ['Server=h;Pwd=[redacted];X=1', 'hunter2'],
    'Authorization: Bearer hunter2': ['Authorization: [redacted]', 'Bearer hunter2', 'hunter2'],
    '{"password": "hunter2", "n": 1}': ['{"password": "[redacted]", "n": 1}', 'hunter2'],
    '{"token":"hunter2"}': ['{"token":"[redacted]"}', 'hunter2'],
    'PGPASSWORD=hunter2 exec pg': ['PGPASSWORD=[redacted] exec pg', 'hunter2'],
    'MONKEY=banana author: me': ['MONKEY=banana author: me'],
    'redis://auth:6379/0': ['redis://auth:6379/0'],
    'postgres://me:hunter2@h/x': ['postgres://me:[redacted]@h/x', 'hunter2'],
  };
  for (const [text, [shown, ...secrets]] of Object.entries(told))
    assert.deepEqual(redact(text), { shown, secrets }, text);
  assert.deepEqual(redactWords(['x', '--api-token', 'hunter2', '-v', '--key', '--other']), {
    shown: ['x', '--api-token', '[redacted]', '-v', '--key', '--other'],
    secrets: ['hunter2'],
  });
});

test('what is long is searched in no time', () => {
  const before = process.cpuUsage();
  for (const text of ['a'.repeat(100_000), 'key:'.repeat(30_000), `${'k'.repeat(100_000)}=x`, 'a: '.repeat(50_000)])
    redact(text);
  const { user } = process.cpuUsage(before);
  assert.ok(user < 2_000_000, `${user} µs of CPU`);
});

const WEB = '[services.web]\ncommand = "x"\n';

test('a secret that another value repeats is left out there, too', () => {
  const { effective } = serviceOf({
    base: `${WEB}tags = ["hunter2-by-name"]\ncwd = "/srv/hunter2-of-file/x"\n[services.web.env]\nDB_PASS = "hunter2-by-name"\nURL = "http://u:p@h/x"\n`,
    secret: '[services.web.env]\nA = "hunter2-of-file"\n',
  });
  const value = (key: string) => effective.get(key)?.value;
  assert.equal(value('tags'), '["[redacted]"]');
  assert.equal(value('cwd'), '"/srv/[redacted]/x"');
  assert.equal(value('env.URL'), '"http://[redacted]@h/x"');
  assert.equal(effective.get('cwd')?.secret, true);
  assert.doesNotMatch(JSON.stringify([...effective]), /hunter2/, 'nothing prints it by chance');
});

test('that a secret changes is told, not from what to what', () => {
  const config = (secret: string) => configOf(`${WEB}[services.web.env]\nDB_PASS = "${secret}"\n`);
  const [change] = planReload(config('hunter2-a'), config('hunter2-b'));
  assert.deepEqual(change?.keys, [{ key: 'env.DB_PASS', from: '"[redacted]"', to: '"[redacted]"' }]);
  assert.deepEqual(planReload(config('hunter2-a'), config('hunter2-a')), []);
});

test('messages quote no secret, nor the beginning of one that they cut', () => {
  const env = `[services.web.env]\nDB_PASS = "${'hunter2'.repeat(12)}"\n`;
  const problems = problemsOf(
    `${WEB}ready = { on = "http", url = "ftp://me:hunter2@h" }\nstop_timeout = "${'hunter2'.repeat(12)}"\n${env}`,
  );
  assert.equal(problems.length, 2);
  assert.doesNotMatch(linesOf(problems).join('\n'), /hunter2/);
});

test('what opsd has to say is said: names of services, programs that are there, choices, this host', () => {
  const { masks } = load({
    base: '[services.postgres]\ncommand = "x"\n',
    secret: `[services.postgres]\ncommand = ["/usr/bin/postgres", "hunter2-word"]\nrestart = "on-failure"\nready = { on = "tcp", address = "127.0.0.1:5432" }
env = { A_KEY = "postgres", B_KEY = "1", C_KEY = "8080", D_KEY = "1h30m10s" }\n`,
  });
  const text = 'postgres (/usr/bin/postgres) is always on-failure at 127.0.0.1:5432 and 8080, 1h30m10s';
  assert.equal(masks.hide(text), text);
  assert.equal(masks.hide('x hunter2-word'), 'x [redacted]');
});
