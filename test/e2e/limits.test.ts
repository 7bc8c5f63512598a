// Limits and privileges from a configuration file, seen in the processes of a real opsd.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { without } from '../support/capabilities.ts';
import { prepareOpsd, startOpsd } from '../support/opsd.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const CONFIG = `
[services.hoarder]
command = ["sh", "-c", "(head -c 60000000 /dev/zero; sleep 60) | tail -c 60000000"]
limits = { memory = "30M" }
[services.bound]
command = ["sleep", "60"]
limits = { nofile = 99, core = "0" }
ionice = "idle"
no_new_privileges = true
wrapper = ["env", "WRAPPED=yes"]
`;

test('limits.memory without a cgroup: status says who watches, and too much is a restart that says why', async () => {
  await using it = await startOpsd({ config: CONFIG });
  const before = await it.until('hoarder', 'running');
  assert.deepEqual(before.memory_limit, { bytes: 30 << 20, held_by: 'restart' });
  const why = await it.ctl('why', 'hoarder');
  assert.match(why.stdout, /30 MiB: opsd looks every 5 s and restarts the service when it stays above/);
  await it.until('hoarder', ({ generation }) => generation === 2, 40_000);
  const [, , stopped] = await it.changes('hoarder');
  assert.equal(stopped, 'running>stopping memory_limit');
  await it.logged(/limits\.memory is 30 MiB/);
});

test('what a process may and may not', async () => {
  await using it = await startOpsd({ config: CONFIG });
  const { pid } = await it.until('bound', 'running');
  assert.ok(pid);
  assert.match(procFile(pid, 'limits'), /^Max open files\s+99\s+99 /m);
  assert.match(procFile(pid, 'limits'), /^Max core file size\s+0\s+0 /m);
  assert.match(procFile(pid, 'status'), /^NoNewPrivs:\t1$/m);
  assert.match(procFile(pid, 'environ'), /(^|\0)WRAPPED=yes\0/);
  assert.equal((await it.status('bound')).memory_limit, null);
});

test('what opsd cannot give keeps a strict one from starting, with the place of each', async () => {
  await using place = await prepareOpsd({
    config:
      '[services.web]\ncommand = ["sleep", "60"]\n[services.web.limits]\nnofile = 700\ncore = "unlimited"\n[services.fine]\ncommand = ["sleep", "60"]\nlimits = { nofile = 600, core = "8K" }\n',
    through: ['prlimit', '--nofile=500:600', '--core=0:8192', '--', ...without('sys_resource')],
  });
  assert.deepEqual(await place.spawn('--strict').end, { code: 1, signal: null });
  const lines = (await place.log()).match(/^ {2}cfg\/config\.toml.*$/gm) ?? [];
  assert.equal(lines.length, 2, lines.join('\n'));
  assert.match(lines[0] ?? '', /config\.toml:4 +services\.web\.limits\.nofile +opsd can give at most 600 here/);
  assert.match(lines[1] ?? '', /config\.toml:5 +services\.web\.limits\.core +opsd can give at most 8K here/);
});

test('capabilities that opsd has not, and users that it cannot become, keep a strict one from starting too', {
  skip: process.getuid?.() !== 0 && 'only root has something to lose',
}, async () => {
  const problemsThrough = async (through: readonly string[], text: string) => {
    await using place = await prepareOpsd({ config: `[services.web]\ncommand = ["sleep", "60"]\n${text}\n`, through });
    assert.deepEqual(await place.spawn('--strict').end, { code: 1, signal: null }, await place.log());
    return await place.log();
  };
  const asked = 'capabilities = ["CAP_SYS_TIME"]';
  assert.match(await problemsThrough(without('sys_time'), asked), /web\.capabilities +CAP_SYS_TIME is not among those/);
  assert.match(await problemsThrough(without('setpcap'), asked), /web\.capabilities +opsd has no CAP_SETPCAP/);
  assert.match(await problemsThrough(without('setuid'), 'user = "nobody"'), /web\.user +opsd has no CAP_SETUID/);
});

test('priorities that opsd may not raise: a warning, a line in the log of the service, and it runs', async () => {
  await using opsd = await startOpsd({
    config: '[services.web]\ncommand = ["sleep", "60"]\nnice = -5\noom_score_adj = -500\n',
    through: without('sys_nice', 'sys_resource'),
  });
  await opsd.until('web', 'running');
  await opsd.logged(/\[WARN\] configuration .*services\.web\.nice: opsd has no CAP_SYS_NICE here/);
  await opsd.logged(/\[WARN\] configuration .*services\.web\.oom_score_adj: opsd has no CAP_SYS_RESOURCE here/);
  const lines = await waitFor('its log', async () => {
    const text = await opsd.output('web');
    return text.split('\n').length > 2 && text;
  });
  assert.match(lines, /^\S*nice: .*\nopsd: the kernel refuses oom_score_adj = -500 without CAP_SYS_RESOURCE.*\n$/);
});

test('ionice = "realtime" without the right keeps a strict one from starting', async () => {
  await using place = await prepareOpsd({
    config: '[services.web]\ncommand = ["sleep", "60"]\nionice = "realtime:0"\n',
    through: without('sys_nice', 'sys_admin'),
  });
  assert.deepEqual(await place.spawn('--strict').end, { code: 1, signal: null });
  assert.match(await place.log(), /config\.toml:3 +services\.web\.ionice +opsd has no CAP_SYS_NICE here/);
});
