// Services outlive opsd: after kill -9 and after handover the next daemon goes on with them, each once.

import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, prepareOpsd, startOpsd } from '../support/opsd.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const asRoot = { skip: process.getuid?.() !== 0 && 'only root can start services as somebody else' };
const SLEEPER = '[services.web]\ncommand = ["sleep", "1000"]\n';
const COUNTER = 'n=0; while :; do n=$((n + 1)); echo "line $n"; sleep 0.005; done';

test('after kill -9 the next opsd goes on with the same processes, numbers and wishes', async () => {
  // It fails faster than a test can look, and must not be given up before it is healed.
  const config = `[defaults]\nbackoff = { initial = "1ms", max = "1ms" }\nmax_failures = 100000\n${SLEEPER}
[services.down]\ncommand = ["sleep", "1000"]
[services.shaky]\ncommand = ["sh", "-c", "test -e healed && echo >>healthy && exec sleep 1000; exit 1"]
[services.done]\ncommand = ["sh", "-c", "echo >>done"]\nrestart = "on-failure"
[services.off]\ncommand = ["sleep", "1000"]\nenabled = false
[services.on-by-hand]\ncommand = ["sleep", "1000"]\nenabled = false\n`;
  await using opsd = await startOpsd({ config });
  await opsd.until('web', 'running');
  await opsd.order('restart', 'web');
  await opsd.order('stop', 'down');
  await opsd.order('start', 'on-by-hand');
  await opsd.until('shaky', ({ restarts }) => restarts >= 2);
  await opsd.write('healed', '');
  await waitFor('its health', async () => (await opsd.read('healthy')) !== '');
  await opsd.until('done', 'exited');
  await recorded(opsd);
  const names = ['web', 'down', 'shaky', 'done', 'off', 'on-by-hand'];
  const before = await Promise.all(names.map((name) => opsd.status(name)));
  const alive = opsd.alive();
  await opsd.crash();
  assert.deepEqual(opsd.alive(), alive, 'who lives without opsd');
  await opsd.restart();
  await opsd.until('web', 'running');
  const after = await Promise.all(names.map((name) => opsd.status(name)));
  const essence = (views: typeof before) =>
    views.map(({ name, state, pid, generation, restarts, failures_in_a_row, exit }) => ({
      name,
      state,
      pid,
      generation,
      restarts,
      failures_in_a_row,
      exit,
    }));
  assert.deepEqual(essence(after), essence(before));
  assert.deepEqual(opsd.alive(), alive, 'who lives now');
  assert.deepEqual(
    after.map(({ adopted }) => adopted),
    [true, false, true, false, false, true],
  );
  assert.equal((await opsd.read('done')).length, 1, 'what was done is not done again');
});

test(
  'processes of another user are ended after kill -9 of opsd and of their main process, however young they were',
  asRoot,
  async () => {
    // setpriv becomes the user only after the start: what the state file says must not be of the moment before.
    const names = Array.from({ length: 12 }, (_, index) => `web-${index}`);
    const service = (name: string) => `[services.${name}]
command = ["sh", "-c", "setsid -f sleep 1000; exec sleep 1000"]
user = "nobody"
cwd = "/"
`;
    await using opsd = await startOpsd({ config: names.map(service).join('') });
    for (const name of names) await opsd.until(name, 'running');
    await waitFor('all their children', () => names.every((name) => opsd.alive(name).length === 2));
    await opsd.crash();
    const { services } = JSON.parse((await opsd.read('p/run/opsd.state.json')).replace(/"crc32":\d+/, '"crc32":0'));
    const uids = new Set(services.map(({ uid }: { uid: number }) => uid));
    assert.deepEqual([...uids], [Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }))]);
    const mains = services.map(({ pid }: { pid: number }) => pid);
    for (const pid of mains) process.kill(pid, 'SIGKILL');
    await opsd.restart();
    for (const name of names)
      await opsd.until(name, ({ state, generation }) => state === 'running' && generation === 2);
    assert.doesNotMatch(await opsd.log(), /runs as another user/);
    await opsd.stop();
  },
);

test('an adopted service that writes where nobody can read any more is told of, with the remedy', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  await opsd.until('web', 'running');
  await rm(join(opsd.run, 'fifo'), { recursive: true });
  await opsd.crash();
  await opsd.restart();
  await opsd.logged(
    /\[WARN\] the output of a service goes to a FIFO that was removed.* service=web remedy="opsd ctl restart web"/,
  );
});

test('an adopted service is supervised: its end is a failure with an unknown exit code', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  await opsd.until('web', 'running');
  await opsd.crash();
  await opsd.restart();
  const { pid } = await opsd.until('web', 'running');
  assert.ok(pid);
  process.kill(pid, 'SIGKILL');
  const view = await opsd.until('web', ({ generation, state }) => generation === 2 && state === 'running');
  assert.deepEqual(view.exit, { code: null, signal: null });
  assert.equal(view.adopted, false);
  await opsd.order('restart', 'web');
  assert.equal((await opsd.status('web')).generation, 3);
});

test('an adopted service can be stopped with all of its tree', async () => {
  const script = 'setsid sh -c "trap \\"\\" TERM; echo ready; while :; do sleep 0.05; done" & exec sleep 1000';
  await using opsd = await startOpsd({
    config: '[services.tree]\ncommand = ["./tree"]\nstop_timeout = "300ms"\n',
    files: { tree: `#!/bin/sh\n${script}\n` },
  });
  await waitFor('the tree', async () => (await opsd.output('tree')).includes('ready'));
  await opsd.crash();
  await opsd.restart();
  await opsd.until('tree', 'running');
  await opsd.order('stop', 'tree');
  assert.deepEqual(opsd.alive(), []);
});

test('each line of output is written once and in order, through kills and handovers', async () => {
  await using opsd = await startOpsd({ config: `[services.counter]\ncommand = ["sh", "-c", '${COUNTER}']\n` });
  const more = async () => {
    const { length } = await opsd.output('counter');
    await waitFor('more output', async () => (await opsd.output('counter')).length > length + 100);
  };
  await more();
  for (const end of ['SIGKILL', 'SIGUSR2', 'SIGKILL'] as const) {
    opsd.kill(end);
    await opsd.daemon.end;
    await opsd.restart();
    await more();
  }
  const { generation } = await opsd.status('counter');
  assert.equal(generation, 1);
  await opsd.order('stop', 'counter');
  const lines = (await opsd.output('counter')).trimEnd().split('\n');
  assert.deepEqual(
    lines,
    lines.map((_, i) => `line ${i + 1}`),
  );
});

test('a service that opened its /dev/stdout to everybody is read by the next opsd, and can be restarted', async () => {
  const config = `[services.open]\ncommand = ["sh", "-c", 'chmod 666 /dev/stdout; ${COUNTER}']\n`;
  await using opsd = await startOpsd({ config });
  await waitFor('some lines', async () => (await opsd.output('open')).includes('line 3\n'));
  await opsd.crash();
  await opsd.restart();
  const { length } = await opsd.output('open');
  await waitFor('more output', async () => (await opsd.output('open')).length > length + 100);
  await opsd.order('restart', 'open');
  await opsd.until('open', ({ state, generation }) => state === 'running' && generation === 2);
  assert.doesNotMatch(await opsd.log(), /\[(WARN|ERROR)\]/);
});

test('ctl handover ends opsd with 0 and the next one takes over', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  const { pid, started_at } = await opsd.until('web', 'running');
  const handover = opsd.ctl('handover', '--timeout', '60s');
  assert.deepEqual(await opsd.daemon.end, { code: 0, signal: null });
  await opsd.restart();
  const { code, stdout } = await handover;
  assert.equal(code, 0);
  assert.match(
    stdout,
    new RegExp(`^opsd .* \\(pid ${opsd.daemon.pid}\\) has taken over, the services kept running\n$`),
  );
  const view = await opsd.until('web', 'running');
  assert.deepEqual([view.pid, view.generation, view.adopted], [pid, 1, true]);
  const drift = Math.abs(Date.parse(view.started_at ?? '') - Date.parse(started_at ?? ''));
  assert.ok(drift < 1_000, `its start moved by ${drift} ms`);
});

test('whatever became of the state file, nothing is started twice and nothing is lost', async (t) => {
  const config = `${SLEEPER}[services.two]\ncommand = ["sleep", "1000"]\n`;
  await using opsd = await startOpsd({ config });
  const before = [(await opsd.until('web', 'running')).pid, (await opsd.until('two', 'running')).pid];
  const damages: Record<string, (file: string, text: string) => Promise<void>> = {
    gone: (file) => rm(join(opsd.dir, file)),
    empty: (file) => opsd.write(file, ''),
    truncated: (file, text) => truncate(join(opsd.dir, file), Math.trunc(text.length / 2)),
    garbage: (file) => opsd.write(file, '\0\u0001{]'),
    'JSON of something else': (file) => opsd.write(file, '[1, {"services": null}]'),
    'of a newer version': (file, text) => opsd.write(file, text.replace(/"version":\s*\d+/, '"version":999')),
  };
  for (const [what, damage] of Object.entries(damages)) {
    await t.test(what, async () => {
      const file = 'p/run/opsd.state.json';
      // The file of the daemon before is good until this one has written its own.
      const text = await waitFor('the state file', async () => {
        const found = await opsd.read(file);
        return found.includes('"two"') && found;
      });
      await opsd.crash();
      await damage(file, text);
      await opsd.restart();
      const after = [(await opsd.until('web', 'running')).pid, (await opsd.until('two', 'running')).pid];
      assert.deepEqual(after, before);
      assert.equal(opsd.alive().length, 2);
    });
  }
});

test('garbage in PID files moves no signal to anybody', async () => {
  await using opsd = await startOpsd({
    config: `${SLEEPER}[services.bystander]\ncommand = ["sleep", "1000"]\n`,
  });
  const bystander = (await opsd.until('bystander', 'running')).pid;
  await opsd.order('stop', 'web');
  const texts = [
    '',
    '0',
    '-1',
    '1',
    ' 12\n',
    '12abc',
    '9'.repeat(20),
    '0'.repeat(1 << 20),
    '\0\0\0',
    `${process.pid}\n`,
  ];
  for (const [i, text] of texts.entries()) await opsd.write(`p/run/garbage${i}.pid`, text);
  await opsd.write('p/run/web.pid', `${process.pid}\n`);
  await opsd.crash();
  await opsd.restart();
  // Were a signal sent to our group or to this process, the test would have ended here.
  assert.equal((await opsd.until('bystander', 'running')).pid, bystander);
  await opsd.order('start', 'web');
  await opsd.order('stop', 'web');
  for (const i of texts.keys()) assert.equal(await opsd.read(`p/run/garbage${i}.pid`), '', 'orphaned PID files go');
});

test('what was removed from the configuration between two daemons is stopped, what changed is restarted', async () => {
  const config = (sleep: number, ...names: string[]) =>
    names.map((name) => `[services.${name}]\ncommand = ["sleep", "${name === 'changed' ? sleep : 1000}"]\n`).join('');
  await using opsd = await startOpsd({ config: config(1000, 'same', 'changed', 'gone') });
  const [same, changed, gone] = await Promise.all(
    ['same', 'changed', 'gone'].map(async (name) => (await opsd.until(name, 'running')).pid),
  );
  await recorded(opsd);
  await opsd.crash();
  await opsd.configure(config(2000, 'same', 'changed'));
  await opsd.restart();
  assert.equal((await opsd.until('same', 'running')).pid, same);
  await opsd.until('changed', ({ state, generation }) => state === 'running' && generation === 2);
  await waitFor('the end of what was removed', () => !isAlive(gone ?? 0) && !isAlive(changed ?? 0));
  await waitFor('its PID file to go', async () => (await opsd.read('p/run/gone.pid')) === '');
});

test('a service that ended while no opsd ran is started again', async () => {
  await using opsd = await startOpsd({ config: SLEEPER });
  const { pid } = await opsd.until('web', 'running');
  assert.ok(pid);
  await recorded(opsd);
  await opsd.crash();
  process.kill(pid, 'SIGKILL');
  await waitFor('its end', () => !isAlive(pid));
  await opsd.restart();
  const view = await opsd.until('web', ({ state, pid: next }) => state === 'running' && next !== pid);
  assert.equal(view.generation, 2);
  assert.equal(opsd.alive().length, 1);
});

test('of ten daemons at once one wins, the others name it, and each service is started once', async () => {
  await using place = await prepareOpsd({
    config: '[services.web]\ncommand = ["sh", "-c", "echo $$ >>started; exec sleep 1000"]\n',
  });
  const daemons = Array.from({ length: 10 }, () => place.spawn());
  const losers = await waitFor(
    'nine to give up',
    () => {
      const ended = daemons.map((daemon) => daemon.ended()).filter((end) => end !== undefined);
      return ended.length >= 9 && ended;
    },
    30_000,
  );
  assert.deepEqual(
    losers,
    losers.map(() => ({ code: 2, signal: null })),
  );
  const winner = daemons.find((daemon) => daemon.ended() === undefined);
  assert.ok(winner);
  await waitFor('the service', async () => (await place.read('started')) !== '');
  assert.equal((await place.log()).match(new RegExp(`^opsd: .*\\b${winner.pid}\\b`, 'gm'))?.length, 9);
  assert.equal((await place.read('started')).trim().split('\n').length, 1);
  winner.kill('SIGTERM');
  assert.deepEqual(await winner.end, { code: 0, signal: null });
});

/** What only the state file knows may be lost for a moment, but not once an order was answered. */
async function recorded(opsd: Opsd): Promise<void> {
  const { services } = JSON.parse((await opsd.api('GET', '/api/v1/services')).body);
  await opsd.order('reset', services[0].name);
}
