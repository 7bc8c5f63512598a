// Nobody but root can put another configuration, or another folder of opsd, in the place of its own, however far above it he owns a folder.

import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { readConfig } from '../../src/os/config/files.ts';
import { doubtOnPrefix, layoutOf, prepareDirectories } from '../../src/os/files/run-dir.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { scratch } from '../support/scratch.ts';
import { mallory, needsRoot } from '../support/second-user.ts';

async function place() {
  const folder = await scratch();
  const outer = join(folder.path, 'outer');
  mkdirSync(join(outer, 'inner/services.d'), { recursive: true });
  const included = join(outer, 'inner/services.d/web.toml');
  writeFileSync(included, '[services.web]\ncommand = ["/bin/true"]\n');
  const configFile = join(folder.path, 'config.toml');
  writeFileSync(configFile, `include = ["${included}"]\n`);
  const options = {
    configFile,
    prefix: join(folder.path, 'p'),
    env: process.env,
    workDir: folder.path,
    clock: systemClock,
  };
  return {
    path: folder.path,
    outer,
    included,
    configFile,
    problems: (): string => {
      const result = readConfig(options);
      return result.ok ? '' : result.problems.map(({ message }) => message).join('\n');
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

test('a folder two above an included file that is not root’s', { skip: needsRoot }, async () => {
  await using p = await place();
  assert.equal(p.problems(), '');
  chownSync(p.outer, mallory.uid, mallory.gid);
  assert.match(p.problems(), /outer belongs to user \d+, and what it says is done as root; chown root .*outer$/);
});

test('a folder two above that all may write; sticky, it is fine', async () => {
  await using p = await place();
  chmodSync(p.outer, 0o777);
  assert.match(p.problems(), /outer can be written by others than .*; chmod go-w .*outer$/);
  chmodSync(p.outer, 0o1777);
  assert.equal(p.problems(), '');
});

test('in a sticky folder, what is of somebody else can be replaced all the same', { skip: needsRoot }, async () => {
  await using p = await place();
  chmodSync(p.outer, 0o1777);
  chownSync(dirname(dirname(p.included)), mallory.uid, mallory.gid);
  assert.match(p.problems(), /inner belongs to user/);
});

test('the folders behind a link count as well, and so does the link', { skip: needsRoot }, async () => {
  await using p = await place();
  const link = join(p.path, 'link');
  symlinkSync('outer/inner', link);
  writeFileSync(p.configFile, `include = ["link/services.d/*.toml"]\n`);
  assert.equal(p.problems(), '');
  chownSync(p.outer, mallory.uid, mallory.gid);
  assert.match(p.problems(), /outer belongs to user/);
});

test('a group may write where it is opsd’s own, and no other', { skip: needsRoot }, async () => {
  await using p = await place();
  chmodSync(p.outer, 0o775);
  assert.equal(p.problems(), '');
  chownSync(p.outer, 0, mallory.gid);
  assert.match(p.problems(), /outer can be written by others than root/);
});

test('PREFIX, data and the log folder: all folders above them', { skip: needsRoot }, async () => {
  await using p = await place();
  const prefix = join(p.outer, 'inner');
  const prepare = (log = join(prefix, 'log')) => prepareDirectories(layoutOf(prefix, log));
  prepare();
  chownSync(p.outer, mallory.uid, mallory.gid);
  assert.match(doubtOnPrefix(prefix) ?? '', /outer belongs to user/);
  assert.throws(() => prepare(), /outer belongs to user/);
  chownSync(p.outer, 0, 0);
  chmodSync(join(prefix, 'data'), 0o777);
  assert.throws(() => prepare(), /data can be written by others than root/);
  chmodSync(join(prefix, 'data'), 0o755);
  const elsewhere = join(p.path, 'elsewhere');
  mkdirSync(elsewhere, 0o755);
  chownSync(elsewhere, mallory.uid, mallory.gid);
  assert.throws(() => prepare(join(elsewhere, 'log')), /elsewhere belongs to user/);
});
