// What services write: every byte arrives, whatever it is, whoever holds the other end, and opsd does not mind.

import { strict as assert } from 'node:assert';
import { createHash } from 'node:crypto';
import { readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';
import { procFile } from '../support/survivors.ts';
import { waitFor } from '../support/wait.ts';

const once = (name: string, script: string, more = '') =>
  `[services.${name}]\ncommand = ["sh", "-c", '''${script}''']\nrestart = "never"\n${more}`;

test('a grandchild that holds the output delays no restart, and its late words arrive', async () => {
  // The grandchild left the environment too, and before the main process ends: it is no part of the service.
  const script = 'env -i setsid sh -c ": >left; sleep 3; echo late" & until [ -e left ]; do :; done; echo main; exit 1';
  const config = `[services.web]\ncommand = ["sh", "-c", '${script}']\nbackoff = { initial = "60s", max = "60s" }\n`;
  await using opsd = await startOpsd({ config });
  const view = await opsd.until('web', 'backoff');
  const life = Date.parse(view.since) - Date.parse(view.started_at ?? view.since);
  assert.ok(life < 2_900, `its end was seen after ${life} ms`);
  await waitFor('the late word', async () => (await opsd.output('web')) === 'main\nlate\n');
});

test('/dev/stdout and /dev/stderr can be opened by name', async () => {
  await using opsd = await startOpsd({ config: once('web', 'echo x >/dev/stdout && echo y >/dev/stderr') });
  assert.equal((await opsd.until('web', 'exited')).exit?.code, 0);
  await waitFor('both lines', async () => (await opsd.output('web')) === 'x\ny\n');
});

test('bytes are bytes: no UTF-8, NUL, colours, progress bars, or a huge line changes', async () => {
  const make = 'import { randomBytes } from "node:crypto"; import { writeFileSync } from "node:fs";';
  const script = `${make} const b = Buffer.concat([randomBytes(300000), Buffer.from("\\x1b[31mred\\r50%\\r100%\\0é".repeat(1000)), Buffer.alloc(5e6, "x"), randomBytes(300000), Buffer.from("\\n")]); writeFileSync("bytes", b); writeFileSync(1, b);`;
  await using opsd = await startOpsd({
    config: `[services.raw]\ncommand = ["${process.execPath}", "bytes.mjs"]\nrestart = "never"\n`,
    files: { 'bytes.mjs': script },
  });
  await opsd.until('raw', 'exited');
  const written = await hash(join(opsd.dir, 'bytes'));
  await waitFor('all of it', async () => (await hash(join(opsd.dir, 'log/raw.log'))) === written);
});

test('a last line without its end is not glued to the next start', async () => {
  await using opsd = await startOpsd({ config: once('web', 'printf abc') });
  await opsd.until('web', 'exited');
  await opsd.order('start', 'web');
  await opsd.until('web', ({ state, generation }) => state === 'exited' && generation === 2);
  await waitFor('both', async () => /^abc\n(.*\n)?abc\n?$/.test(await opsd.output('web')));
});

test('a log that was moved or removed is made anew', async () => {
  const config = `[services.web]\ncommand = ["sh", "-c", 'while :; do echo tick; sleep 0.02; done']\n`;
  await using opsd = await startOpsd({ config });
  const ticks = () => waitFor('ticks', async () => (await opsd.output('web')).includes('tick\ntick\n'), 15_000);
  await ticks();
  await rename(join(opsd.dir, 'log/web.log'), join(opsd.dir, 'log/web.log.1'));
  await ticks();
  await rm(join(opsd.dir, 'log/web.log'));
  await ticks();
});

test('a full disk stops neither the service nor opsd, and is told', async () => {
  const config = `[services.full]\ncommand = ["sh", "-c", 'n=0; while [ $n -lt 500 ]; do n=$((n+1)); echo "line $n"; done; echo >>done; exec sleep 1000']
[services.web]\ncommand = ["sh", "-c", 'while :; do echo tick; sleep 0.05; done']\n`;
  await using opsd = await startOpsd({ config: config.replace('command', 'enabled = false\ncommand') });
  await symlink('/dev/full', join(opsd.dir, 'log/full.log'));
  await opsd.order('start', 'full');
  await waitFor('the service to go on', async () => (await opsd.read('done')) !== '');
  await opsd.logged(/\[(WARN|ERROR)\] .*(full\.log|service=full)/);
  await opsd.until('full', 'running');
  await waitFor('the other log', async () => (await opsd.output('web')).includes('tick\ntick\n'));
});

test('a flood from one service delays no other and does not grow opsd', async () => {
  const config = `[services.flood]\ncommand = ["sh", "-c", 'head -c 60000000 /dev/zero | tr "\\0" x; exec sleep 1000']
[services.web]\ncommand = ["sh", "-c", 'while :; do echo tick; sleep 0.05; done']\n`;
  await using opsd = await startOpsd({ config });
  const before = memory(opsd);
  await waitFor('60 MB in one line', async () => {
    const begun = performance.now();
    await opsd.status('web');
    assert.ok(performance.now() - begun < 1_000, 'ctl was not answered');
    return (await readFile(join(opsd.dir, 'log/flood.log')).catch(() => '')).length >= 60_000_000;
  });
  assert.ok(memory(opsd) - before < 60_000, `grew by ${memory(opsd) - before} kB`);
});

test('timestamps stand before each line; direct and none do what they say', async () => {
  const config =
    once('stamped', 'echo one; echo two', 'log = { timestamps = true }\n') +
    once('direct', 'readlink /proc/$$/fd/1; echo y', 'log = "direct"\n') +
    once('none', 'exec 3>&1; readlink /proc/$$/fd/3 >where; echo y', 'log = "none"\n') +
    once('inherit', 'echo said to the output of opsd', 'log = "inherit"\n');
  await using opsd = await startOpsd({ config });
  for (const name of ['stamped', 'direct', 'none', 'inherit']) await opsd.until(name, 'exited');
  await waitFor('stamps', async () => /^\S.*\d one\n\S.*\d two\n$/.test(await opsd.output('stamped')));
  assert.equal(await opsd.output('direct'), `${opsd.dir}/log/direct.log\ny\n`);
  assert.equal(await opsd.read('where'), '/dev/null\n');
  await opsd.logged(/said to the output of opsd/);
});

async function hash(path: string): Promise<string> {
  return createHash('sha1')
    .update(await readFile(path))
    .digest('hex');
}

/** kB */
function memory(opsd: Opsd): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(procFile(opsd.daemon.pid, 'status'))?.[1]);
}
