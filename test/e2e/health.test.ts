// Health probes with real processes: what is marked for its answers runs on, and metrics and log tell it.

import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { ask } from '../support/requests.ts';
import { waitFor } from '../support/wait.ts';

test('one that is only marked has opsd_service_healthy 0, and 1 when it is well again, and runs on', async () => {
  const config = `[[daemon.on_event]]
when = ["unhealthy", "healthy"]
exec = ["sh", "-c", "echo $OPSD_WHEN $OPSD_SERVICE $OPSD_TO $OPSD_DETAIL >>news"]
[services.web]
command = ["sleep", "1000"]
health = { exec = ["test", "-e", "well"], interval = "50ms", failures = 2, successes = 2, on_failure = "mark" }
[services.unasked]
command = ["sleep", "1000"]
`;
  await using opsd = await startOpsd({ config, files: { well: '' }, http: 'on' });
  const { pid } = await opsd.until('web', 'running');
  const metrics = async () => (await ask({ host: '127.0.0.1', port: opsd.port }, 'GET', '/metrics')).body;
  const isTold = (value: number) =>
    waitFor(`opsd_service_healthy ${value}`, async () =>
      (await metrics()).includes(`\nopsd_service_healthy{service="web"} ${value}\n`),
    );
  await isTold(1);
  await rm(join(opsd.dir, 'well'));
  await isTold(0);
  await opsd.logged(/\[WARN\] unhealthy service=web detail="command test: exit code 1"/);
  assert.match((await opsd.ctl('status', 'web')).stdout, / {2}unhealthy: command test: exit code 1\n/);
  assert.match(
    (await opsd.ctl('why', 'web')).stdout,
    /is up .*, but its health probe fails: command test: exit code 1/,
  );
  assert.match(await metrics(), /^opsd_service_up\{service="web"\} 1$/m);
  assert.doesNotMatch(await metrics(), /^opsd_service_healthy\{service="unasked"\}/m);
  await opsd.write('well', '');
  await isTold(1);
  await opsd.logged(/\[INFO\] healthy again service=web/);
  await waitFor('the news', async () => (await opsd.read('news')).includes('\nhealthy'));
  assert.equal(
    await opsd.read('news'),
    'unhealthy web running command test: exit code 1\nhealthy web running command test: exit code 0\n',
  );
  const view = await opsd.status('web');
  assert.deepEqual([view.state, view.pid, view.restarts], ['running', pid, 0]);
});

test('why shows what a probe wrote last, for health and for readiness, and to nobody over TCP', async () => {
  const probe = (words: string) => `["sh", "-c", "echo begun; echo ${words} >&2; exit 4"]`;
  const config = `[services.web]
command = ["sleep", "1000"]
health = { exec = ${probe('no route to db')}, interval = "50ms", on_failure = "mark" }
[services.slow]
command = ["sleep", "1000"]
ready = { on = "exec", command = ${probe('pool is cold')}, interval = "50ms", timeout = "1s" }
backoff = { initial = "1h", max = "1h" }
`;
  await using opsd = await startOpsd({ config, http: 'on' });
  await opsd.until('web', ({ healthy }) => healthy === false);
  assert.match((await opsd.ctl('why', 'web')).stdout, /probe output +begun \| no route to db\n/);
  await opsd.until('slow', 'backoff');
  assert.match((await opsd.ctl('why', 'slow')).stdout, /probe output +begun \| pool is cold\n/);
  const { body } = await ask({ host: '127.0.0.1', port: opsd.port }, 'GET', '/api/v1/services/web/why');
  assert.doesNotMatch(body, /no route/);
});
