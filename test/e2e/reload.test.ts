// A new configuration: only what is different is touched, and a bad one changes nothing.

import { strict as assert } from 'node:assert';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { isAlive } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const sleeper = (name: string, more = '') => `[services.${name}]\ncommand = ["sleep", "1000"]\n${more}`;

test('added, removed, restarted, changed in place, left alone: each gets its own', async () => {
  await using opsd = await startOpsd({
    config: sleeper('same') + sleeper('gone') + sleeper('other') + sleeper('inplace'),
  });
  const before = await pids(opsd, 'same', 'gone', 'other', 'inplace');
  await opsd.configure(
    sleeper('same') +
      '[services.other]\ncommand = ["sleep", "2000"]\n' +
      sleeper('inplace', 'stop_timeout = "7s"\n') +
      sleeper('new'),
  );
  const dry = await opsd.ctl('reload', '--dry-run');
  assert.equal(dry.code, 0);
  for (const part of [
    /new/,
    /gone/,
    /other[\s\S]*command[\s\S]*2000/,
    /inplace[\s\S]*stop_timeout[\s\S]*30s[\s\S]*7s/,
  ]) {
    assert.match(dry.stdout, part);
  }
  assert.doesNotMatch(dry.stdout, /same/);
  assert.deepEqual(await pids(opsd, 'same', 'gone', 'other', 'inplace'), before, 'a dry run changes nothing');

  const { body } = await opsd.reload();
  const kinds = new Map<string, string>(
    JSON.parse(body).changes.map(({ service, kind }: { service: string; kind: string }) => [service, kind]),
  );
  assert.deepEqual(Object.fromEntries(kinds), {
    gone: 'removed',
    inplace: 'changed',
    new: 'added',
    other: 'restarted',
  });
  await opsd.until('other', (view) => view.state === 'running' && view.pid !== before.other);
  await opsd.until('new', 'running');
  await waitFor('the end of what was removed', () => !isAlive(before.gone ?? 0));
  await waitFor('its place to be empty', async () => (await opsd.status('gone')) === undefined);
  const after = await pids(opsd, 'same', 'inplace');
  assert.deepEqual(after, { same: before.same, inplace: before.inplace });
  assert.equal(isAlive(before.other ?? 0), false);
});

test('a broken file keeps what runs, says where and why, and shows in the metrics', async () => {
  await using opsd = await startOpsd({ config: sleeper('web') });
  const { web } = await pids(opsd, 'web');
  const good = async () =>
    /^opsd_config_last_reload_successful (\d)$/m.exec((await opsd.api('GET', '/metrics')).body)?.[1];
  assert.equal(await good(), '1');
  await opsd.configure('[services.web]\ncomand = ["sleep", "1000"]\nstop_timeout = 30\n');
  const { code, stdout, stderr } = await opsd.ctl('reload');
  assert.equal(code, 1);
  const told = stdout + stderr;
  assert.match(told, /config\.toml:2.*services\.web\.comand.*did you mean.*command/);
  assert.match(told, /config\.toml:3.*services\.web\.stop_timeout/);
  assert.equal(await good(), '0');
  assert.deepEqual(await pids(opsd, 'web'), { web });
  await opsd.configure(sleeper('web'));
  assert.equal((await opsd.ctl('reload')).code, 0);
  assert.equal(await good(), '1');
  assert.deepEqual(await pids(opsd, 'web'), { web });
});

test('whatever stands in place of the file, the services go on', async (t) => {
  await using opsd = await startOpsd({ config: sleeper('web') });
  const before = await pids(opsd, 'web');
  const file = join(opsd.dir, 'cfg/config.toml');
  const ways: Record<string, () => Promise<unknown>> = {
    empty: () => writeFile(file, ''),
    'half written': () => writeFile(file, '[services.web]\ncommand = ["sle'),
    'without services': () => writeFile(file, '[daemon]\nlog_level = "info"\n'),
    'not text': () => writeFile(file, Buffer.from([0xff, 0xfe, 0, 1, 2])),
    deleted: () => rm(file, { force: true }),
    'a directory': () => mkdir(file),
  };
  for (const [what, make] of Object.entries(ways)) {
    await t.test(what, async () => {
      await rm(file, { recursive: true, force: true });
      await make();
      assert.equal((await opsd.reload()).status, 422);
      opsd.kill('SIGHUP');
      await opsd.logged(new RegExp(`(configuration refused[\\s\\S]*){${2 * (Object.keys(ways).indexOf(what) + 1)}}`));
      assert.deepEqual(await pids(opsd, 'web'), before);
    });
  }
  await t.test('unless losing all services is meant', async () => {
    await rm(file, { recursive: true });
    await writeFile(file, '');
    assert.equal((await opsd.ctl('reload', '--allow-empty')).code, 0);
    await waitFor('the end of the service', () => !isAlive(before.web ?? 0));
  });
});

test('a configuration behind a symlink is replaced by swapping the link (ConfigMap)', async () => {
  await using opsd = await startOpsd({ config: sleeper('web'), files: { 'v2/config.toml': sleeper('api') } });
  await rename(join(opsd.dir, 'cfg'), join(opsd.dir, 'v1'));
  await symlink('v1', join(opsd.dir, 'cfg'));
  assert.equal((await opsd.reload()).status, 200);
  await symlink('v2', join(opsd.dir, 'cfg.new'));
  await rename(join(opsd.dir, 'cfg.new'), join(opsd.dir, 'cfg'));
  assert.equal((await opsd.reload()).status, 200);
  await opsd.until('api', 'running');
  await waitFor('the end of web', async () => (await opsd.status('web')) === undefined);
});

test('a service that is removed and comes back 10 ms later runs once, when the old one is gone', async () => {
  const script =
    'trap "sleep 0.4; echo $$ ends >>story; exit 0" TERM; echo $$ runs >>story; while :; do sleep 0.02; done';
  const web = `[services.web]\ncommand = ["sh", "-c", '${script}']\n`;
  await using opsd = await startOpsd({ config: sleeper('other') + web });
  await waitFor('its start', async () => (await opsd.read('story')).includes('runs'));
  await opsd.configure(sleeper('other'));
  await opsd.reload();
  await opsd.configure(sleeper('other') + web);
  await opsd.reload();
  await waitFor('the second run', async () => (await opsd.read('story')).split('runs').length === 3);
  const [first, ended, second] = (await opsd.read('story')).split('\n').map((line) => line.split(' '));
  assert.deepEqual([ended?.[0], ended?.[1], second?.[1]], [first?.[0], 'ends', 'runs']);
  const { pid } = await opsd.until('web', 'running');
  assert.equal(`${pid}`, second?.[0]);
});

test('during a long backoff a corrected command starts at once, an unchanged one keeps waiting', async () => {
  const failing = (name: string, command: string) =>
    `[services.${name}]\ncommand = ${command}\nbackoff = { initial = "60s", max = "60s" }\n`;
  const bad = '["sh", "-c", "exit 1"]';
  await using opsd = await startOpsd({ config: failing('web', bad) + failing('other', bad) });
  await opsd.until('web', 'backoff');
  const other = await opsd.until('other', 'backoff');
  await opsd.configure(failing('web', '["sleep", "1000"]') + failing('other', bad));
  await opsd.reload();
  const { failures_in_a_row } = await opsd.until('web', 'running', 5_000);
  assert.equal(failures_in_a_row, 0, 'another program, another record');
  const later = await opsd.status('other');
  assert.deepEqual([later.state, later.next_attempt_at], ['backoff', other.next_attempt_at]);
});

test('SIGHUP reloads, and with watch_config a saved file does', async () => {
  await using opsd = await startOpsd({ config: `[daemon]\nwatch_config = true\n${sleeper('web')}` });
  const before = await pids(opsd, 'web');
  await opsd.configure(`[daemon]\nwatch_config = true\n${sleeper('web')}${sleeper('two')}`);
  await opsd.until('two', 'running');
  await opsd.configure(`[daemon]\nwatch_config = false\n${sleeper('web')}${sleeper('two')}${sleeper('three')}`);
  opsd.kill('SIGHUP');
  await opsd.until('three', 'running');
  assert.deepEqual(await pids(opsd, 'web'), before);
});

/** Of services that run. */
async function pids<Name extends string>(opsd: Opsd, ...names: Name[]): Promise<Partial<Record<Name, number | null>>> {
  const found: Partial<Record<Name, number | null>> = {};
  for (const name of names) found[name] = (await opsd.until(name, 'running')).pid;
  return found;
}

test('a reload tells what of [daemon] changes, now or with the next opsd; a new log_level is in force', async () => {
  const config = (daemon: string) => `[daemon]\n${daemon}\n${sleeper('web')}heartbeat = "5s"\n`;
  await using opsd = await startOpsd({ config: config('log_level = "info"') });
  await opsd.until('web', 'running');
  await opsd.configure(config('log_level = "info,heartbeat=debug"\nlog_format = "json"\nlog_dir = "./elsewhere"'));
  const { code, stdout } = await opsd.ctl('reload');
  assert.equal(code, 0);
  assert.match(stdout, /^~ \[daemon\] {2}changed\n/);
  assert.match(stdout, / {4}log_level {2}"info" → "info,heartbeat=debug"\n/);
  assert.match(
    stdout,
    / {4}log_dir {2}\S+ → \S+elsewhere" {2}\(takes effect with the next opsd: opsd ctl handover\)\n/,
  );
  assert.match(stdout, / {4}log_format {2}"text" → "json" {2}\(takes effect with the next opsd/);
  await opsd.logged(/\[DEBUG\] no beat service=web generation=1\n/);
  assert.equal(existsSync(join(opsd.dir, 'elsewhere')), false);
  assert.equal((await opsd.ctl('logs', 'web')).code, 0, 'the log is where it was');
});

test('with watch_config files that come and go count, too', async () => {
  const config = 'include = ["services.d/*.toml"]\n[daemon]\nwatch_config = true\n';
  await using opsd = await startOpsd({ config: `${config}${sleeper('web')}` });
  await opsd.write('cfg/services.d/two.toml', sleeper('two'));
  await opsd.until('two', 'running');
  await opsd.write('cfg/services.d/two.toml', sleeper('two').replace('1000', '1001'));
  await opsd.until('two', ({ generation, state }) => generation === 2 && state === 'running');
  await rm(join(opsd.dir, 'cfg/services.d/two.toml'));
  await waitFor('its end', async () => (await opsd.status('two')) === undefined);
});
