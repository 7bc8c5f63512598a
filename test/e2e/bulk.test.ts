// Many services at once, and jobs by hand: tags, the graph, cascades, `ctl run`, hooks, signals of readiness.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startOpsd } from '../support/opsd.ts';
import { waitFor } from '../support/wait.ts';

const GRAPH = `
[services.db]
command = ["sleep", "60"]
tags = ["core"]
[services.api]
command = ["sleep", "60"]
depends_on = ["db"]
tags = ["edge"]
[services.web]
command = ["sleep", "60"]
depends_on = { api = "ready", db = "started" }
tags = ["edge"]
[services.cron]
command = ["sleep", "60"]
after = ["db"]
`;

test('the graph as a tree and for Graphviz; a tag in a command', async () => {
  await using it = await startOpsd({ config: GRAPH });
  await it.until('web', 'running');
  await it.until('cron', 'running');
  const tree = await it.ctl('graph');
  assert.equal(
    tree.stdout,
    [
      'web  running',
      '├─ api  running',
      '│  └─ db  running',
      '└─ db  running  (started)',
      'cron  running',
      '└─ db  running  (after)',
      '',
    ].join('\n'),
  );
  const arrows = (await it.ctl('graph', '--dot')).stdout.split('\n').filter((line) => line.includes('->'));
  assert.deepEqual(arrows, [
    '  "api" -> "db";',
    '  "web" -> "api";',
    '  "web" -> "db" [label="started"];',
    '  "cron" -> "db" [label="after", style=dashed];',
  ]);
  const part = await it.ctl('graph', 'api', '--dot');
  assert.match(part.stdout, /^digraph opsd \{\n(?:.*\n)*? *"api" -> "db";\n\}\n$/);
  assert.doesNotMatch(part.stdout, /web/);
  const restarted = await it.ctl('restart', '+edge');
  assert.equal(restarted.code, 0, restarted.stderr);
  const generations = await Promise.all(['db', 'api', 'web', 'cron'].map((name) => it.status(name)));
  assert.deepEqual(
    generations.map(({ generation }) => generation),
    [1, 2, 2, 1],
  );
  const wrong = await it.ctl('restart', '+egde');
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /no service has the tag 'egde'; did you mean '\+edge'\?/);
});

test('what others need is stopped only with them, and after them', async () => {
  await using it = await startOpsd({ config: GRAPH });
  await it.until('web', 'running');
  const refused = await it.ctl('stop', 'db');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /db cannot be stopped alone: needed by api,web; --cascade stops these first/);
  assert.equal((await it.status('db')).state, 'running');
  const stopped = await it.ctl('stop', 'db', '--cascade');
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.deepEqual(stopped.stdout.trim().split('\n'), ['web is stopped', 'api is stopped', 'db is stopped']);
  assert.equal((await it.status('cron')).state, 'running');
});

test('an opsd that is killed in the middle of a cascade leaves the rest of it to the next one', async () => {
  const config = `
[services.db]
command = ["sleep", "60"]
[services.api]
command = ["sh", "-c", "trap 'until [ -e go ]; do sleep 0.05; done; exit 0' TERM; while :; do sleep 0.05; done"]
depends_on = ["db"]
stop_timeout = "60s"
`;
  await using it = await startOpsd({ config });
  await it.until('api', 'running');
  assert.equal((await it.ctl('stop', 'db', '--cascade', '--no-wait')).code, 0);
  await it.until('api', 'stopping');
  await waitFor('both to be not to be up, on disk', async () => {
    const { services } = JSON.parse(await it.read('p/run/opsd.state.json'));
    return services.every(({ wish }: { wish: string }) => wish === 'down');
  });
  await it.crash();
  await it.restart();
  await it.until('api', 'stopping');
  assert.equal((await it.status('db')).state, 'running');
  await it.write('go', '');
  await it.until('db', 'stopped');
  assert.deepEqual((await it.changes('db')).slice(-2), ['running>stopping adopted', 'stopping>stopped adopted']);
  assert.deepEqual(it.alive(), []);
});

test('starting a service starts what it needs, and nothing else', async () => {
  await using it = await startOpsd({ config: GRAPH });
  await it.until('web', 'running');
  await it.until('cron', 'running');
  assert.equal((await it.ctl('stop', 'all')).code, 0);
  assert.deepEqual(it.alive(), []);
  const started = await it.ctl('start', 'web');
  assert.deepEqual([started.code, started.stdout], [0, 'web is running\n'], started.stderr);
  const views = await Promise.all(['db', 'api', 'web', 'cron'].map((name) => it.status(name)));
  assert.deepEqual(
    views.map(({ name, state, generation }) => [name, state, generation]),
    [
      ['db', 'running', 2],
      ['api', 'running', 2],
      ['web', 'running', 2],
      ['cron', 'stopped', 1],
    ],
  );
});

test('many that are restarted stop dependents first, and start the other way round', async () => {
  await using it = await startOpsd({ config: GRAPH });
  await it.until('web', 'running');
  await it.until('cron', 'running');
  const before = (await it.log()).length;
  const { code, stderr } = await it.ctl('restart', 'db', 'web', 'api');
  assert.equal(code, 0, stderr);
  const steps = [...(await it.log()).slice(before).matchAll(/state service=(\w+) from=(\w+) to=(\w+)/g)].flatMap(
    ([, name, from, to]) => {
      if (to === 'stopping') return [`${name} is asked to stop`];
      if (from === 'stopping') return [`${name} is gone`];
      return to === 'running' ? [`${name} runs`] : [];
    },
  );
  assert.deepEqual(steps, [
    ...['web is asked to stop', 'web is gone', 'api is asked to stop', 'api is gone', 'db is asked to stop'],
    ...['db is gone', 'db runs', 'api runs', 'web runs'],
  ]);
  assert.equal((await it.status('cron')).generation, 1);
});

test('a job by hand: its end is waited for, and how it went is told', async () => {
  const config = `
[services.good]
command = ["sh", "-c", "sleep 0.3; echo done"]
type = "oneshot"
enabled = false
[services.bad]
command = ["sh", "-c", "exit 4"]
schedule = "0 3 1 1 *"
[services.web]
command = ["sleep", "60"]
`;
  await using it = await startOpsd({ config, http: 'on' });
  const good = await it.ctl('run', 'good');
  assert.deepEqual([good.code, good.stdout], [0, 'good has completed: exit code 0\n']);
  assert.equal(await it.output('good'), 'done\n');
  const run = (await it.status('good')).last_run;
  assert.equal(run?.result, 'success');
  assert.ok(run.duration_seconds >= 0.3 && run.duration_seconds < 5, `${run.duration_seconds}`);
  const bad = await it.ctl('run', 'bad');
  assert.deepEqual([bad.code, bad.stderr], [2, 'bad did not complete: exit code 4\n']);
  assert.equal((await it.status('bad')).last_run?.result, 'failure');
  const web = await it.ctl('run', 'web');
  assert.equal(web.code, 1);
  assert.match(web.stderr, /web is no job/);
  const { body } = await it.api('GET', '/metrics');
  assert.match(body, /^opsd_job_last_success_timestamp_seconds\{service="good"\} 1\.?\d+/m);
  assert.match(body, /^opsd_job_last_duration_seconds\{service="bad"\} 0/m);
  assert.match(body, /^opsd_job_last_run_successful\{service="good"\} 1$/m);
  assert.match(body, /^opsd_job_last_run_successful\{service="bad"\} 0$/m);
  assert.doesNotMatch(body, /^opsd_job_last_success_timestamp_seconds\{service="(bad|web)"\}/m);
});

test('two who run a job at once wait for the same run', async () => {
  await using it = await startOpsd({
    config: '[services.job]\ncommand = ["sleep", "0.5"]\ntype = "oneshot"\nenabled = false\n',
  });
  const both = await Promise.all([it.ctl('run', 'job'), it.ctl('run', 'job')]);
  assert.deepEqual(
    both.map(({ code }) => code),
    [0, 0],
  );
  assert.equal((await it.status('job')).generation, 1);
});

test('hooks, and readiness by descriptor and by log line, from a configuration file', async () => {
  const config = `
[services.told]
command = ["sh", "-c", "echo up; sleep 0.2; echo >&$OPSD_NOTIFY_FD; exec sleep 60"]
ready = { on = "fd", timeout = "10s" }
before_start = { command = ["sh", "-c", "echo before"], timeout = "5s" }
after_stop = { command = ["sh", "-c", "echo after"], timeout = "5s" }
[services.line]
command = ["sh", "-c", "echo begin; sleep 0.2; echo listening on 80; exec sleep 60"]
ready = { on = "log", pattern = "^listening", timeout = "10s" }
[services.broken]
command = ["sleep", "60"]
restart = "never"
before_start = { command = ["sh", "-c", "exit 7"], timeout = "5s" }
`;
  await using it = await startOpsd({ config });
  await it.until('told', 'running');
  await it.until('line', 'running');
  const broken = await it.until('broken', 'exited');
  assert.equal(broken.reason, 'before_start (sh) failed: exit code 7');
  await it.ctl('stop', 'told');
  assert.equal(await it.output('told'), 'before\nup\nafter\n');
  assert.match(await it.output('line'), /^begin\nlistening on 80\n/);
});
