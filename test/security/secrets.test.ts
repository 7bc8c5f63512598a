// A secret reaches the service it is for and nobody else, whatever goes wrong around it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Opsd, prepareOpsd, startOpsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';
import { everythingTold, leaksIn } from './everything-told.ts';

const ONCE = 'max_failures = 0\nretry_failed = "0s"\n';
/** A hook that writes down whatever it is told. */
const RECEIVER = '#!/bin/sh\n{ env; cat; echo; } >>told\n';
const HOOK =
  '[[daemon.on_event]]\nname = "book"\nwhen = ["failed", "backoff", "running", "stopped"]\nexec = ["./receiver"]\n';
const files = (env: string) => ({ receiver: RECEIVER, 'p/key/env.toml': env });

async function assertSilent(opsd: Opsd, services: readonly string[], secrets: readonly string[]): Promise<void> {
  await waitFor('the receiver', async () => (await opsd.read('told')).includes('OPSD_WHEN='));
  assert.deepEqual(leaksIn(await everythingTold(opsd, services, ['told']), secrets), []);
}

test('a command that fails is named without its arguments', async () => {
  const [before, after, wrapper] = ['hunter2-before', 'hunter2-after', 'hunter2-wrapper'];
  await using opsd = await startOpsd({
    config: `${HOOK}[services.web]\ncommand = ["sleep", "1000"]\n${ONCE}[services.db]\ncommand = ["false"]\n${ONCE}[services.mq]\ncommand = ["sleep", "1000"]\n${ONCE}before_start = ["/bin/false", "--token=hunter2-plain-file"]\n`,
    files: files(
      `[services.web]\nbefore_start = ["/bin/false", "--password=${before}"]\n[services.db]\nafter_stop = "/bin/false --password=${after}"\nwrapper = ["/bin/env", "X=${wrapper}"]\n`,
    ),
    http: 'on',
  });
  for (const service of ['web', 'db', 'mq']) await opsd.until(service, 'failed');
  await opsd.logged(/after_stop .* failed/);
  await assertSilent(opsd, ['web', 'db', 'mq'], [before, after, wrapper, 'hunter2-plain-file']);
  assert.match((await opsd.status('mq')).reason, /before_start \(\/bin\/false\) failed: exit code 1/);
});

test('a URL that is asked is told without its userinfo and query', async () => {
  const secrets = ['hunter2-user', 'hunter2-pass', 'hunter2-query', 'hunter2-other', 'hunter2 blank'];
  const url = (port: number) => `http://${secrets[0]}:${secrets[1]}@127.0.0.1:${port}/live?token=${secrets[2]}`;
  await using opsd = await startOpsd({
    config: `${HOOK}[services.web]\ncommand = ["sleep", "1000"]\n${ONCE}ready = { on = "http", timeout = "1s", interval = "50ms" }
[services.db]\ncommand = ["sleep", "1000"]\nhealth = { http = "${url(1).replaceAll('hunter2-user', 'somebody')}", interval = "50ms", timeout = "40ms", failures = 1, on_failure = "mark" }
[services.mq]\ncommand = ["sleep", "1000"]\nhealth = { http = "http://127.0.0.1:1/live?key=${secrets[3]}&b=hunter2%20blank", interval = "50ms", timeout = "40ms", failures = 1, on_failure = "mark" }\n`,
    files: files(`[services.web.ready]\nurl = "${url(1)}"\n[services.mq.env]\nB = "hunter2 blank"\n`),
    env: { OPSD_LOG: 'debug' },
    http: 'on',
  });
  await opsd.until('web', 'failed');
  for (const service of ['db', 'mq']) await opsd.until(service, ({ healthy }) => healthy === false);
  await assertSilent(opsd, ['web', 'db', 'mq'], secrets);
  assert.match((await opsd.status('db')).last_probe_failure ?? '', /GET http:\/\/127\.0\.0\.1:1\/live: /);
});

test('no line of what a service wrote is told over TCP unless page_logs is on', async () => {
  const config = (pageLogs: boolean) =>
    `[daemon]\npage_logs = ${pageLogs}\n[services.web]\ncommand = ["sh", "-c", "echo 'Error: connect ECONNREFUSED hunter2-output'; exit 3"]\n${ONCE}`;
  await using opsd = await startOpsd({ config: config(false), http: 'on' });
  await opsd.until('web', 'failed');
  const { stdout } = await opsd.ctl('why', 'web');
  assert.match(stdout, /its output says.*hunter2-output/, 'the operator on the socket sees it');
  const why = () => ask({ port: opsd.port }, 'GET', '/api/v1/services/web/why');
  const closed = await why();
  assert.equal(closed.status, 200);
  assert.doesNotMatch(closed.body, /hunter2-output/);
  assert.match(JSON.parse(closed.body).summary, /does not answer/, 'what it means is told all the same');
  const said = await everythingTold(opsd, ['web']);
  assert.deepEqual(leaksIn(new Map([...said].filter(([where]) => where.startsWith('TCP '))), ['hunter2-output']), []);
  await opsd.configure(config(true));
  await opsd.reload();
  assert.match((await why()).body, /hunter2-output/);
});

test('names are secret by their words, and URLs lose their password everywhere', async () => {
  const secrets = {
    DB_PASS: 'hunter2-pass',
    sessionCookie: 'hunter2-cookie',
    'spring.auth-dsn': 'hunter2-dsn',
    PGPASSWORD: 'hunter2-pg',
  };
  const open = { MONKEY: 'business', AUTHOR: 'somebody', PASSENGER_MAX: 'fourteen' };
  const env = (end: string) =>
    Object.entries({ ...secrets, ...open, DATABASE_URL: `postgres://u:p${end}@db.example/x` })
      .map(([name, value]) => `"${name}" = "${value}${name in secrets ? end : ''}"\n`)
      .join('');
  const config = (end: string) =>
    `[services.web]\ncommand = ["sleep", "1000", "--db=mysql://me:hunter2-arg@db/x", "--api-token=hunter2-option"]\n[services.web.env]\n${env(end)}`;
  const variable = { OPSD__SERVICES__WEB__ENV__JWT: 'hunter2-jwt' };
  await using opsd = await startOpsd({ config: config(''), env: variable });
  await opsd.until('web', 'running');
  await opsd.configure(config('-x9'));
  const said = await everythingTold(opsd, ['web'], [], variable);
  assert.deepEqual(leaksIn(said, [...Object.values(secrets), 'hunter2-jwt', 'hunter2-arg', 'hunter2-option']), []);
  const explained = said.get('config --explain') ?? '';
  for (const value of Object.values(open)) assert.match(explained, new RegExp(`"${value}"`));
  assert.match(explained, /DATABASE_URL = "postgres:\/\/u:\[redacted\]@db\.example\/x"/);
  assert.match(said.get('reload --dry-run') ?? '', /DATABASE_URL/, 'that it changes is told, not to what');
  for (const [where, text] of said) assert.doesNotMatch(text, /u:p(-x9)?@/, where);
});

test('a secret that was rotated stays one as long as a process knows it', async () => {
  const [old, next] = ['hunter2-of-yesterday', 'hunter2-of-today'];
  const keys = (secret: string) =>
    `[daemon.on_event_secrets.talker]\nheaders = { X-Word = "${secret}" }\n[services.web.env]\nWORD = "${secret}"\n`;
  // What the hook says of its end is opsd's to tell in the log.
  const talker = `#!/bin/sh\ncat >/dev/null; echo "cannot send with ${old}, nor with ${next}" >&2; exit 1\n`;
  await using opsd = await startOpsd({
    config: `[[daemon.on_event]]\nname = "talker"\nwhen = ["stopped"]\nexec = ["./talker"]\n[services.web]\ncommand = ["sleep", "1000"]\n[services.db]\ncommand = ["sleep", "1000"]\n`,
    files: { talker, 'p/key/env.toml': keys(old).replace(/^.*\n.*\n/, '') },
  });
  await opsd.until('web', 'running');
  await opsd.write('p/key/env.toml', keys(next).replace(/^.*\n.*\n/, ''));
  assert.equal((await opsd.reload()).status, 200);
  await opsd.order('stop', 'db');
  await opsd.logged(/event hook failed/);
  assert.deepEqual(leaksIn(new Map([['log', await opsd.log()]]), [old, next]), []);
});

test('the last words of an opsd that cannot start have no secret in them', async () => {
  await using place = await prepareOpsd({
    config: '[services.web]\ncommand = ["sleep", "1000"]\n',
    files: { 'p/key/env.toml': '[daemon]\nhttp = "hunter2-host.invalid:9640"\n' },
    http: 'configured',
  });
  const end = await place.spawn().end;
  assert.equal(end.code, 2);
  assert.match(await place.log(), /opsd: .*\[redacted\]/);
  assert.doesNotMatch(await place.log(), /hunter2/);
});
