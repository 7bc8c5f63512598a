// Who may make files in the log folder reads nobody else's secrets by it, gets nobody's log, and stops nothing.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ServiceSpec } from '../../src/core/model/spec.ts';
import { Liveness } from '../../src/daemon/watch/liveness.ts';
import { layoutOf, prepareDirectories } from '../../src/os/files/run-dir.ts';
import { readTail } from '../../src/os/log-file/last-lines.ts';
import { serviceLog } from '../../src/os/log-file/service-log.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { type Bench, bench, specOf } from '../os/output/outputs.ts';
import { startOpsd } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { mallory, needsRoot, runAs, type User, victim } from '../support/second-user.ts';

/** A log folder in which mallory's group may make files. */
async function shared(uidOf?: (spec: ServiceSpec) => number): Promise<Bench & { readonly logs: string }> {
  const b = await bench(uidOf === undefined ? {} : { uidOf });
  chmodSync(b.path, 0o755);
  const logs = join(b.path, 'log');
  chownSync(logs, 0, mallory.gid);
  chmodSync(logs, 0o1775);
  return { ...b, logs };
}

function as(user: User, ...command: string[]): void {
  const { status, stderr } = runAs(user, command);
  assert.equal(status, 0, stderr);
}

test('a log folder that a group may write is refused with the remedy, and taken when it is sticky', async () => {
  await using folder = await scratch();
  const layout = layoutOf(join(folder.path, 'p'), join(folder.path, 'log'));
  prepareDirectories(layout);
  for (const [mode, says] of [
    [0o775, /log has mode 0775.*chmod \+t \S+, or chmod g-w \S+$/],
    [0o2770, /log has mode 2770.*chmod \+t/],
    [0o1777, /others than opsd can use it/],
  ] as const) {
    chmodSync(layout.log, mode);
    assert.throws(() => prepareDirectories(layout), { name: 'RuntimeError', message: says });
  }
  chmodSync(layout.log, 0o3775);
  prepareDirectories(layout);
});

test('opsd check says so before the new opsd has to', { skip: needsRoot }, async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "60"]\n' });
  chmodSync(join(opsd.dir, 'log'), 0o775);
  const { code, stdout, stderr } = await opsd.opsd('check');
  assert.equal(code, 1);
  assert.match(`${stdout}${stderr}`, /log_dir.*chmod \+t/);
});

test('and of the folder of its own heartbeat, without which the next opsd would go on', {
  skip: needsRoot,
}, async () => {
  await using opsd = await startOpsd({ config: '[services.web]\ncommand = ["sleep", "60"]\n' });
  for (const [mode, says] of [
    [0o777, /heartbeat_file .*tmp has mode 0777, others than opsd can use it: chmod 0775.*goes on without/],
    [0o775, /heartbeat_file .*tmp has mode 0775.*chmod \+t/],
  ] as const) {
    chmodSync(join(opsd.dir, 'tmp'), mode);
    const { code, stdout, stderr } = await opsd.opsd('check');
    assert.equal(code, 0);
    assert.match(`${stdout}${stderr}`, says);
  }
  chmodSync(join(opsd.dir, 'tmp'), 0o755);
  const { stdout, stderr } = await opsd.opsd('check');
  assert.doesNotMatch(`${stdout}${stderr}`, /tmp/);
});

test('ctl logs shows nothing of a link, a hard link or a file of somebody else', { skip: needsRoot }, async () => {
  const service = (name: string) => `[services.${name}]\ncommand = ["sh", "-c", "echo hello; exec sleep 60"]\n`;
  await using opsd = await startOpsd({ config: service('web') + service('db') });
  await opsd.until('web', 'running');
  const logs = join(opsd.dir, 'log');
  const secret = join(opsd.dir, 'secret');
  writeFileSync(secret, 'TOP SECRET\n', { mode: 0o600 });
  chownSync(logs, 0, mallory.gid);
  chmodSync(opsd.dir, 0o755);
  chmodSync(logs, 0o1775);
  as(mallory, 'ln', '-s', secret, join(logs, 'web.log.1'));
  linkSync(secret, join(logs, 'db.log.1'));
  for (const name of ['web', 'db']) {
    const { stdout } = await opsd.ctl('logs', name, '--lines', '50');
    assert.doesNotMatch(stdout, /SECRET/);
    assert.doesNotMatch((await opsd.ctl('why', name)).stdout, /SECRET/);
  }
  rmSync(join(logs, 'web.log'), { force: true });
  as(mallory, 'ln', '-s', secret, join(logs, 'web.log'));
  const { code, stdout, stderr } = await opsd.ctl('logs', 'web');
  assert.notEqual(code, 0);
  assert.match(`${stdout}${stderr}`, /the log of web is not read: .*it is a symlink/);
  assert.doesNotMatch(`${stdout}${stderr}`, /SECRET/);
});

test('FIFOs in the place of logs hold no thread of Node and nobody who reads', { skip: needsRoot }, async () => {
  await using b = await shared();
  for (const name of ['a', 'b', 'c', 'd', 'e']) {
    as(mallory, 'mkfifo', b.logOf(name));
    const log = serviceLog(b.logOf(name), 0);
    assert.match(log.whyNot() ?? '', /belongs to uid|is not a regular file/);
    await assert.rejects(log.open());
    assert.equal(readTail(b.logOf(name), 0).length, 0);
  }
  // One that root itself made is read no more than the others.
  execFileSync('mkfifo', [b.logOf('own')]);
  await assert.rejects(serviceLog(b.logOf('own'), 0).open(), /not a regular file/);
  assert.ok((await stat(b.path)).isDirectory());
});

test('capture: what mallory prepared gets no output and is left as it is', { skip: needsRoot }, async () => {
  await using b = await shared();
  const target = join(b.path, 'target');
  writeFileSync(target, 'theirs\n');
  as(mallory, 'ln', '-s', target, b.logOf('link'));
  as(mallory, 'touch', b.logOf('file'));
  linkSync(target, b.logOf('hard'));
  for (const name of ['link', 'file', 'hard']) {
    b.outputs.prepare([specOf(name)]);
    await b.finish(specOf(name), 'echo output');
  }
  assert.equal(readFileSync(target, 'utf8'), 'theirs\n');
  assert.equal(b.read('file'), '');
});

test('direct: nobody’s file is given to the service by chown', { skip: needsRoot }, async () => {
  await using b = await shared(() => mallory.uid);
  const spec = specOf('mal', 'direct');
  const theirs = join(b.logs, 'victim.log');
  writeFileSync(theirs, 'of the victim\n', { mode: 0o600 });
  // A second name for the log of another service.
  linkSync(theirs, b.logOf('mal'));
  assert.throws(() => b.outputs.open(spec), /second name/);
  rmSync(b.logOf('mal'));
  symlinkSync(theirs, b.logOf('mal'));
  assert.throws(() => b.outputs.open(spec), /symlink/);
  assert.equal(statSync(theirs).uid, 0);
  rmSync(b.logOf('mal'));
  chownSync(theirs, victim.uid, victim.gid);
  // Sticky: neither can be renamed by others. Without it the folder itself is refused.
  assert.notEqual(runAs(mallory, ['mv', theirs, b.logOf('mal')]).status, 0);
  chmodSync(b.logs, 0o775);
  as(mallory, 'mv', theirs, b.logOf('mal'));
  assert.throws(() => b.outputs.open(spec), /chmod \+t/);
  assert.equal(statSync(b.logOf('mal')).uid, victim.uid);
  chmodSync(b.logs, 0o1775);
  assert.throws(() => b.outputs.open(spec), /belongs to uid/);
});

test('in a sticky folder a service goes on in its own log, start after start', { skip: needsRoot }, async () => {
  await using b = await shared(() => mallory.uid);
  for (const mode of ['direct', 'direct', 'capture', 'direct'] as const) {
    const spec = specOf('web', mode);
    b.outputs.prepare([spec]);
    await b.finish(spec, 'echo once more');
  }
  renameSync(b.logOf('web'), `${b.logOf('web')}.1`);
  await b.finish(specOf('web', 'direct'), 'echo anew');
  assert.equal(b.read('web'), 'anew\n');
  assert.deepEqual(b.outputs.lastLines('web').at(-1), 'anew');
});

test('the heartbeat of opsd itself neither follows a link nor makes what one leads to', {
  skip: needsRoot,
}, async () => {
  await using folder = await scratch();
  const tmp = join(folder.path, 'tmp');
  mkdirSync(tmp);
  const beat = join(tmp, 'opsd.heartbeat');
  const target = join(folder.path, 'made');
  symlinkSync(target, beat);
  const loop = { turnedAt: Number.MAX_SAFE_INTEGER };
  using _pulse = new Liveness(loop, beat, systemClock, () => {});
  assert.equal(statSync(target, { throwIfNoEntry: false }), undefined);
});
