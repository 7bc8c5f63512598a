// [[daemon.on_event]] with a real opsd: programs and webhooks are told, and supervision does not wait for them.

import assert from 'node:assert/strict';
import { rename } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

interface Call {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly when: string; readonly service: string; readonly text: string; readonly detail: string };
}

/** `answers`: status of each call in turn, the last one for all others; null: never answered. */
async function receiver(...answers: (number | null)[]) {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    calls.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(await text(request)) });
    const status = answers.length > 1 ? answers.shift() : answers[0];
    if (status != null) response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    calls,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Fails while there is a file `bad`, runs otherwise. */
const MOODY = '#!/bin/sh\n[ -e bad ] && { echo "no luck"; exit 3; }\nexec sleep 1000\n';
const SERVICE =
  '[services.web]\ncommand = ["./moody"]\nbackoff = { initial = "20ms", max = "20ms" }\nmax_failures = 2\nstable_after = "300ms"\nretry_failed = "0s"\n';
const told = (calls: readonly Call[]) => calls.map(({ body }) => `${body.service} ${body.when}`);

test('the name of a service with instances means all of them', async () => {
  await using pager = await receiver(204);
  const failing = (name: string) => `[services.${name}]\ncommand = ["false"]\nmax_failures = 0\n`;
  await using opsd = await startOpsd({
    config: `[[daemon.on_event]]\nwhen = ["failed"]\nservices = ["web"]\nwebhook = "${pager.url}"\n${failing('web')}instances = 2\n${failing('webs')}`,
  });
  await opsd.until('webs', 'failed');
  await waitFor('both', () => pager.calls.length >= 2);
  assert.deepEqual(told(pager.calls).sort(), ['web@1 failed', 'web@2 failed']);
  assert.doesNotMatch(await opsd.log(), /no service fits/);
});

test('a webhook learns of a failure and of the recovery, with its secret header and nothing of it in the log', async () => {
  await using pager = await receiver(204);
  await using opsd = await startOpsd({
    config: `[[daemon.on_event]]\nname = "pager"\nwhen = ["failed", "recovered"]\nservices = ["w*"]\nwebhook = "${pager.url}/old"\n${SERVICE}[services.db]\ncommand = ["false"]\nmax_failures = 0\n`,
    files: {
      moody: MOODY,
      bad: '',
      'p/key/env.toml': `[daemon.on_event_secrets.pager]\nwebhook = "${pager.url}/s3cret-path"\nheaders = { Authorization = "Bearer s3cret-word" }\n`,
    },
    http: 'on',
  });
  await waitFor('the failure', () => pager.calls.length === 1);
  const [call] = pager.calls;
  assert.ok(call);
  assert.deepEqual([call.path, call.headers.authorization], ['/s3cret-path', 'Bearer s3cret-word']);
  assert.equal(call.headers['content-type'], 'application/json');
  assert.partialDeepStrictEqual(call.body, { version: 1, when: 'failed', service: 'web', to: 'failed' });
  assert.match(call.body.text, /^web is failed on \S+: .*exit code 3/);
  await opsd.opsd('config', '--explain').then(({ stdout }) => assert.doesNotMatch(stdout, /s3cret/));

  await rename(`${opsd.dir}/bad`, `${opsd.dir}/was-bad`);
  await opsd.order('start', 'web');
  await waitFor('the recovery', () => pager.calls.length === 2);
  assert.deepEqual(told(pager.calls), ['web failed', 'web recovered']);
  const { body: metrics } = await ask({ port: opsd.port }, 'GET', '/metrics');
  assert.match(metrics, /^opsd_event_hooks_sent_total 2$/m);
  assert.match(metrics, /^opsd_event_hooks_failed_total 0$/m);
  assert.doesNotMatch(await opsd.log(), /s3cret/);
});

test('an unavailable receiver is asked again, one that says no is not', async () => {
  await using flaky = await receiver(503, 429, 200);
  await using strict = await receiver(404);
  await using opsd = await startOpsd({
    config: `${[flaky, strict].map(({ url }) => `[[daemon.on_event]]\nwhen = ["failed"]\nwebhook = "${url}"\n`).join('')}${SERVICE}`,
    files: { moody: MOODY, bad: '' },
  });
  await waitFor('the third try', () => flaky.calls.length === 3);
  await opsd.logged(/\[WARN\].*event hook failed .*hook=hook-2 .*"status 404" tries=1/);
  assert.equal(strict.calls.length, 1);
});

test('a program has the event on stdin and in its variables; what it leaves behind ends with it', async () => {
  const hook = '#!/bin/sh\nsleep 1000 &\necho $! >left.pid\ncat >event.json\nenv >event.env\n';
  await using opsd = await startOpsd({
    config: `[[daemon.on_event]]\nwhen = ["failed"]\nexec = ["./hook"]\n${SERVICE}`,
    files: { moody: MOODY, bad: '', hook },
  });
  const env = await waitFor('the variables', async () => {
    const found = await opsd.read('event.env');
    return found.includes('OPSD_EXIT_CODE') && found;
  });
  assert.match(env, /^OPSD_WHEN=failed$/m);
  assert.match(env, /^OPSD_SERVICE=web$/m);
  assert.match(env, /^OPSD_EXIT_CODE=3$/m);
  assert.match(env, /^OPSD_MARKER=\d+:web@on_event:/m);
  assert.doesNotMatch(env, /PREFIX/);
  assert.equal(JSON.parse(await opsd.read('event.json')).service, 'web');
  const left = Number(await opsd.read('left.pid'));
  await waitFor('the end of what it left', () => !isAlive(left));
});

test('a program that hangs is killed at its timeout, with all it started, and not started again', async () => {
  const hook = '#!/bin/sh\necho $$ >>hook.pid\ntrap "" TERM\nsleep 1000 &\necho $! >>hook.pid\nwait\n';
  await using opsd = await startOpsd({
    config: `[[daemon.on_event]]\nwhen = ["failed"]\nexec = ["./hook"]\ntimeout = "300ms"\n${SERVICE}`,
    files: { moody: MOODY, bad: '', hook },
  });
  await opsd.logged(/event hook failed .*"no answer within 300ms" tries=1/);
  const pids = (await opsd.read('hook.pid')).trim().split('\n').map(Number);
  assert.equal(pids.length, 2);
  await waitFor('the end of both', () => pids.every((pid) => !isAlive(pid)));
});

test('a receiver that never answers delays nothing, and the end of opsd takes its program with it', async () => {
  await using silent = await receiver(null);
  const hook = '#!/bin/sh\necho $$ >hook.pid\nexec sleep 1000\n';
  await using opsd = await startOpsd({
    config: `[[daemon.on_event]]\nwhen = ["failed", "running"]\nwebhook = "${silent.url}"\n[[daemon.on_event]]\nwhen = ["failed"]\nexec = ["./hook"]\n${SERVICE}[services.fine]\ncommand = ["sleep", "1000"]\n`,
    files: { moody: MOODY, bad: '', hook },
  });
  await opsd.until('web', 'failed');
  await opsd.until('fine', 'running');
  const pid = await waitFor('the program', async () => Number(await opsd.read('hook.pid')) || undefined);
  const before = performance.now();
  assert.equal((await opsd.order('restart', 'fine')).status, 200);
  assert.ok(performance.now() - before < 3_000);
  await opsd.stop();
  await waitFor('the end of the program', () => !isAlive(pid));
});

test('a reload brings hooks into force; one that is wrong is refused with its place', async () => {
  await using pager = await receiver(200);
  await using opsd = await startOpsd({ config: SERVICE, files: { moody: MOODY } });
  await opsd.until('web', 'running');
  await opsd.configure(`[[daemon.on_event]]\nwhen = ["stoped"]\nwebhook = "${pager.url}"\n${SERVICE}`);
  const refused = await opsd.reload();
  assert.equal(refused.status, 422);
  assert.match(refused.body, /daemon\.on_event.*hook 1: when: of recovered, /);
  await opsd.configure(`[[daemon.on_event]]\nwhen = ["stopped"]\nwebhook = "${pager.url}"\n${SERVICE}`);
  assert.equal((await opsd.reload()).status, 200);
  await opsd.order('stop', 'web');
  await waitFor('the news', () => pager.calls.length === 1);
  assert.deepEqual(told(pager.calls), ['web stopped']);
});
