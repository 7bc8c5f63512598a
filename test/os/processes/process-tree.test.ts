// Ending whole process trees: groups, escapees, forkers, and what is told of them.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { waitFor } from '../../support/wait.ts';
import { end, isAlive, type Rig, rig, shell } from '../rig.ts';

/** A script that says `: > $DIR/ready` when it is where the test wants it. */
async function startReady(r: Rig, script: string): Promise<number> {
  const pid = await r.start(shell(script, { env: { DIR: r.dir } }));
  await waitFor('the service to be ready', () => existsSync(join(r.dir, 'ready')));
  return pid;
}

test('a main process that ends alone is reported with nothing left', async () => {
  await using r = await rig();
  await r.start(shell('exit 7'));
  const { exit, left } = await r.event('exited');
  assert.deepEqual([exit, left], [{ code: 7, signal: null, oom: false }, 0]);
});

test('the exit is not held up by a grandchild that holds the output open (edge case 24)', async () => {
  await using r = await rig();
  const begun = performance.now();
  await r.start(shell('sleep 30 & exit 1'));
  const { exit, left } = await r.event('exited');
  assert.ok(performance.now() - begun < 1_000);
  assert.deepEqual([exit.code, left], [1, 1]);
});

test('a double fork leaves a tree that can be ended (8)', async () => {
  await using r = await rig();
  await r.start(shell('(setsid sleep 60 &); exit 0'));
  assert.equal((await r.event('exited')).left, 1);
  assert.equal(r.processes.others('web', 1).length, 1);
  r.processes.kill('web', 1);
  await r.event('tree_exited');
  assert.deepEqual(r.alive(), []);
});

test('a changed name does not hide a process (9)', async () => {
  await using r = await rig();
  const pid = await r.start(shell('exec bash -c "exec -a other sleep 60"'));
  await waitFor('the exec', async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8')).startsWith('other'));
  r.processes.signal('web', 1, 'SIGTERM', 'main');
  const { exit, left } = await r.event('exited');
  assert.deepEqual([exit.signal, left], ['SIGTERM', 0]);
});

test('a shell in front of the real process: what it leaves is ended through the group (10)', async () => {
  await using r = await rig();
  await startReady(r, 'sleep 60 & : > $DIR/ready; wait; true');
  r.processes.signal('web', 1, 'SIGTERM', 'main');
  assert.equal((await r.event('exited')).left, 1);
  r.processes.signal('web', 1, 'SIGTERM', 'tree');
  await r.event('tree_exited');
});

test('a member that ignores SIGTERM after its leader left is killed (11)', async () => {
  await using r = await rig();
  await startReady(r, 'trap "exit 0" TERM; (trap "" TERM; : > $DIR/ready; while :; do sleep 60; done) & wait');
  r.processes.signal('web', 1, 'SIGTERM', 'main');
  assert.ok((await r.event('exited')).left > 0);
  r.processes.signal('web', 1, 'SIGTERM', 'tree');
  r.processes.kill('web', 1);
  await r.event('tree_exited');
  assert.deepEqual(r.alive(), []);
});

test('an escapee in a session of its own is signalled, and killed when it does not care (12)', async () => {
  await using r = await rig();
  await startReady(r, `setsid sh -c 'trap ": > $DIR/asked" TERM; : > $DIR/ready; while :; do sleep 0.05; done' & wait`);
  r.processes.signal('web', 1, 'SIGTERM', 'main');
  await r.event('exited');
  r.processes.signal('web', 1, 'SIGTERM', 'tree');
  await waitFor('SIGTERM to reach it', () => existsSync(join(r.dir, 'asked')));
  r.processes.kill('web', 1);
  await r.event('tree_exited');
  assert.deepEqual(r.alive(), []);
});

test('killing while the main process lives takes the escapees along', async () => {
  await using r = await rig();
  await startReady(r, 'setsid sleep 60 & : > $DIR/ready; trap "" TERM; while :; do sleep 60; done');
  r.processes.kill('web', 1);
  const { exit, left } = await r.event('exited');
  assert.equal(exit.signal, 'SIGKILL');
  if (left > 0) await r.event('tree_exited');
  await waitFor('the end of all', () => r.alive().length === 0);
});

test('a forker whose children all leave the session is outrun (13)', async () => {
  await using r = await rig();
  // Each of the chain forks the next in a new session and ends: nobody stays where he was seen.
  const link = 'setsid "$DIR/link" & : > "$DIR/ready"';
  const script = `printf '%s\\n' '#!/bin/sh' '${link}' > $DIR/link; chmod +x $DIR/link; for i in 1 2 3; do setsid $DIR/link & done; wait`;
  await startReady(r, script);
  r.processes.kill('web', 1);
  const { left } = await r.event('exited');
  if (left > 0) await r.event('tree_exited');
  assert.deepEqual(r.alive(), []);
});

test('a stopped process acts on SIGTERM, as SIGCONT follows (15)', async () => {
  await using r = await rig();
  const pid = await startReady(r, 'trap "exit 3" TERM; : > $DIR/ready; while :; do sleep 0.02; done');
  r.processes.signal('web', 1, 'SIGSTOP', 'main');
  await waitFor('it to stop', async () => / \(.*\) T /.test(await readFile(`/proc/${pid}/stat`, 'latin1')));
  r.processes.signal('web', 1, 'SIGTERM', 'main');
  assert.equal((await r.event('exited')).exit.code, 3);
});

test('processes of other generations and strangers are left alone', async () => {
  await using r = await rig();
  const first = await r.start(shell('sleep 60 & wait'), 1);
  const second = await r.start(shell('sleep 60 & wait'), 2);
  r.processes.kill('web', 1);
  await r.event('exited', 1);
  await waitFor('the end of the first', () => !isAlive(first));
  assert.ok(isAlive(second));
  assert.equal(r.events.filter(({ type }) => type === 'exited').length, 1);
});

test('a marker forged by another user does not make a process ours', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can be somebody else');
  await using r = await rig();
  await using other = await rig();
  const forged = await other.start(shell(`exec env OPSD_MARKER=1:web:${r.runDir} sleep 60`, { user: 'nobody' }));
  await waitFor('the forgery', () => r.discover().forged.length === 1);
  await r.start(shell('exit 0'));
  assert.equal((await r.event('exited')).left, 0);
  assert.deepEqual([r.discover().found, r.discover().forged.map(({ pid }) => pid)], [[], [forged]]);
  r.processes.kill('web', 1);
  assert.ok(isAlive(forged));
  end(forged);
  await other.event('exited');
});

test('workers that gave up their rights stay members, in the session or below a member', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can give up rights');
  await using r = await rig();
  const drop = 'setpriv --reuid=65534 --regid=65534 --clear-groups';
  await startReady(r, `${drop} sleep 60 & setsid sh -c '${drop} sleep 60 & : > $DIR/ready; wait' & wait`);
  await waitFor('the workers', () => r.alive().length >= 4);
  r.processes.signal('web', 1, 'SIGKILL', 'main');
  assert.equal((await r.event('exited')).left, 3);
  r.processes.kill('web', 1);
  await r.event('tree_exited');
  await waitFor('the end of all', () => r.alive().length === 0);
});
