// Configuration files on a real disk: found, read, refused, watched.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, chown, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { Problem } from '../../../src/errors.ts';
import {
  type ConfigOptions,
  changedFiles,
  readConfig,
  signatureInBackground,
  signatureOf,
} from '../../../src/os/config/files.ts';
import { systemClock } from '../../../src/runtime/system-clock.ts';
import { scratch } from '../../support/scratch.ts';

const isRoot = process.geteuid?.() === 0;
const WEB = '[services.web]\ncommand = ["true"]\n';

type Files = Readonly<Record<string, string>>;

/** A folder with these files; those in `key` are the owner's alone, as they have to be. */
async function folder(files: Files) {
  const place = await scratch();
  for (const [name, text] of Object.entries(files)) await put(join(place.path, name), text);
  const read = (other: Partial<ConfigOptions> = {}) =>
    readConfig({
      clock: systemClock,
      configFile: 'config.toml',
      prefix: place.path,
      env: { PATH: process.env.PATH },
      workDir: place.path,
      ...other,
    });
  const at = (name: string) => join(place.path, name);
  return { at, read, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  await writeFile(path, text, { mode: path.includes('/key/') ? 0o600 : 0o644 });
}

function problemsOf(result: ReturnType<typeof readConfig>): readonly Problem[] {
  return result.ok ? [] : result.problems;
}

function assertOnly(result: ReturnType<typeof readConfig>, where: string, message: RegExp): void {
  const problems = problemsOf(result);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  assert.equal(problems[0]?.where, where);
  assert.match(problems[0]?.message ?? '', message);
}

/** What is wrong with the files, and what the host lacks. */
function allProblemsOf(result: ReturnType<typeof readConfig>) {
  return [...(result.ok ? [] : result.problems), ...result.hostProblems];
}

test('config.toml, what it includes in the order of names, and env.toml make one configuration', async () => {
  await using place = await folder({
    'config.toml': `include = ["services.d/*.toml", "more.toml"]\n${WEB}`,
    'services.d/20-b.toml': '[services.b]\ncommand = "true"\n',
    'services.d/10-a.toml': '[services.a]\ncommand = "true"\n',
    'services.d/.hidden.toml': 'nonsense',
    'services.d/note.txt': 'nonsense',
    'more.toml': '[services.c]\ncommand = "true"\n',
    'key/env.toml': '[services.a]\nnice = 4\n',
  });
  const result = place.read();
  assert.ok(result.ok, JSON.stringify(problemsOf(result)));
  assert.deepEqual([...result.config.services.keys()], ['web', 'a', 'b', 'c']);
  const a = result.config.services.get('a');
  assert.equal(a?.launch.nice, 4);
  assert.equal(a?.effective.get('command')?.source, 'services.d/10-a.toml:2');
  assert.equal(a?.effective.get('nice')?.source, `${place.at('key/env.toml')}:2`);
  const names = [
    'config.toml',
    'services.d/*.toml',
    'services.d/10-a.toml',
    'services.d/20-b.toml',
    'more.toml',
    'key/env.toml',
  ];
  assert.deepEqual(result.files, names.map(place.at));
});

test('files are named as the configuration file was named', async () => {
  await using place = await folder({
    'cfg/config.toml': 'include = ["../x/*.toml"]\n',
    'x/a.toml': '[services.a]\nnice = 99\n',
  });
  const named = (configFile: string) => problemsOf(place.read({ configFile })).map(({ where }) => where);
  assert.deepEqual(named('cfg/config.toml'), ['x/a.toml', 'x/a.toml']);
  assert.deepEqual(named(place.at('cfg/config.toml')), [place.at('x/a.toml'), place.at('x/a.toml')]);
});

test('includes that match nothing are fine, files that are named and missing are not', async () => {
  await using place = await folder({ 'config.toml': `include = ["none/*.toml", "config.toml"]\n${WEB}` });
  assert.ok(place.read().ok);
  await put(place.at('config.toml'), `include = ["gone.toml"]\n${WEB}`);
  assertOnly(place.read(), 'gone.toml', /^does not exist; write it, or remove it from include$/);
  await symlink('nowhere', place.at('link.toml'));
  await put(place.at('config.toml'), `include = ["lin*.toml"]\n${WEB}`);
  assertOnly(place.read(), 'link.toml', /leads nowhere/);
  for (const value of ['3', '"x.toml"', '[1]', '[""]', '{}']) {
    await put(place.at('config.toml'), `\ninclude = ${value}\n${WEB}`);
    const result = place.read();
    assertOnly(result, 'config.toml', /expected a list of files/);
    assert.equal(problemsOf(result)[0]?.line, 2);
  }
});

test('a file that cannot be used is one clear message', async () => {
  await using place = await folder({});
  const path = place.at('config.toml');
  assertOnly(place.read(), 'config.toml', /^does not exist; write it, or name another one with --config FILE$/);
  await symlink('nowhere', path);
  assertOnly(place.read(), 'config.toml', /symbolic link that leads nowhere/);
  await rm(path);
  await symlink('config.toml', path);
  assertOnly(place.read(), 'config.toml', /leads to itself/);
  await rm(path);
  await mkdir(path);
  assertOnly(place.read(), 'config.toml', /^is a directory; name a file in it$/);
  assertOnly(place.read({ configFile: 'config.toml/x/y' }), 'config.toml/x/y', /does not exist/);
  await rm(path, { recursive: true });
  execFileSync('mkfifo', [path]);
  assertOnly(place.read(), 'config.toml', /no regular file/);
  await rm(path);
  await put(path, '');
  assertOnly(place.read(), 'config.toml', /is empty/);
  assert.ok(place.read({ allowEmpty: true }).ok);
  await put(path, `${WEB}# ${'x'.repeat(4 * 1024 ** 2)}`);
  assertOnly(place.read(), 'config.toml', /larger than 4 MiB/);
  await writeFile(path, Buffer.from(`${WEB}# \xff\n`, 'latin1'));
  assertOnly(place.read(), 'config.toml', /not UTF-8 text from line 3 on/);
  await put(path, '[services.web\n');
  assertOnly(place.read(), 'config.toml', /is not TOML/);
});

test('a file that may not be read says so', { skip: isRoot && 'root may read everything' }, async () => {
  await using place = await folder({ 'config.toml': WEB });
  await chmod(place.at('config.toml'), 0);
  assertOnly(place.read(), 'config.toml', /may not be read by opsd/);
});

test('secrets that others may read are refused, with the command that helps', async () => {
  await using place = await folder({ 'config.toml': WEB, 'key/env.toml': '[services.web]\nnice = 1\n' });
  const path = place.at('key/env.toml');
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    await chmod(path, mode);
    assertOnly(place.read(), path, new RegExp(`others.*chmod 600 ${path}$`));
  }
  for (const mode of [0o600, 0o400]) {
    await chmod(path, mode);
    assert.ok(place.read().ok);
  }
});

test('beside a file that cannot be used all that is wrong with the others is told', async () => {
  const config = '[services.web]\ncommand = ["no-such-program"]\ncwd = "gone"\n[services.db]\nnice = 1\n';
  const secret = '[services.db]\ncommand = ["hunter2"]\nnice = 99\n';
  await using place = await folder({ 'config.toml': config, 'key/env.toml': secret });
  const path = place.at('key/env.toml');
  const told = () =>
    allProblemsOf(place.read())
      .map(({ where, key }) => `${where} ${key}`)
      .toSorted();
  const written = ['config.toml services.web.command', 'config.toml services.web.cwd'];
  assert.deepEqual(told(), [`${path} services.db.command`, `${path} services.db.nice`, ...written].toSorted());
  await chmod(path, 0o644);
  assert.deepEqual(
    told(),
    [`${path} `, ...written].toSorted(),
    'nothing of it is used, and db may have its command there',
  );
  await rm(path);
  const all = [...written, 'config.toml services.db.command'];
  assert.deepEqual(told(), all.toSorted());
  for (const [include, problem] of [
    ['["nofile.toml"]', 'nofile.toml '],
    ['3', 'config.toml include'],
  ] as const) {
    await put(place.at('config.toml'), `include = ${include}\n${config}`);
    assert.deepEqual(told(), [problem, ...all].toSorted());
  }
});

test('what is wrong with the permissions of a file hides nothing in it', {
  skip: !isRoot && 'only root has to fear it',
}, async () => {
  await using place = await folder({ 'config.toml': `[services.web]\nnice = 1\ncwd = "gone"\ndepends_on = ["x"]\n` });
  await chmod(place.at('config.toml'), 0o666);
  const told = allProblemsOf(place.read()).map(({ key }) => key);
  assert.deepEqual(told.toSorted(), ['', 'services.web.command', 'services.web.cwd', 'services.web.depends_on']);
});

test('what root would execute must be root’s to write', { skip: !isRoot && 'only root has to fear it' }, async () => {
  await using place = await folder({
    'config.toml': `include = ["d/*.toml"]\n${WEB}`,
    'd/a.toml': '[services.a]\ncommand = "true"\n',
  });
  const config = place.at('config.toml');
  await chmod(config, 0o666);
  assertOnly(place.read(), 'config.toml', new RegExp(`written by others.*chmod go-w ${config}$`));
  await chmod(config, 0o644);
  await chown(config, 65534, 0);
  assertOnly(place.read(), 'config.toml', new RegExp(`belongs to user 65534.*chown root ${config}$`));
  await chown(config, 0, 0);
  await chmod(config, 0o664);
  assert.ok(place.read().ok, 'the group is root’s own');
  await chown(config, 0, 65534);
  assertOnly(place.read(), 'config.toml', /written by others/);
  await chown(config, 0, 0);
  await chmod(place.at('d'), 0o777);
  assertOnly(place.read(), 'd/a.toml', new RegExp(`${place.at('d')} can be written by others`));
  await chmod(place.at('d'), 0o1777);
  assert.ok(place.read().ok, 'nobody replaces a file in a sticky folder');
  await symlink('d/a.toml', place.at('link.toml'));
  await chmod(place.at('d'), 0o777);
  assertOnly(place.read({ configFile: 'link.toml' }), 'link.toml', /d can be written by others/);
});

test('this machine is asked for programs, folders, users and files', async () => {
  await using place = await folder({
    'config.toml': `
[services.a]
command = ["no-such-program-anywhere"]
[services.b]
command = ["./script"]
[services.c]
command = ["./plain"]
[services.d]
command = ["true"]
cwd = "missing"
[services.e]
command = ["true"]
user = "no-such-user-anywhere"
[services.f]
command = ["true"]
env_file = "absent.env"
[services.g]
command = ["true"]
cwd = "plain"
[services.h]
command = ["/"]
[services.fine]
command = ["./good"]
user = "root"
env_file = "good.env"
`,
    script: '#!/usr/bin/no-such-interpreter\n',
    plain: 'text',
    good: '#!/bin/sh\n',
    'good.env': 'A=1\n',
  });
  for (const name of ['script', 'good']) await chmod(place.at(name), 0o755);
  const result = place.read();
  const found = new Map(result.hostProblems.map(({ key, message }) => [key, message]));
  if (!isRoot) found.delete('services.fine.user');
  assert.deepEqual([...found.keys()].toSorted(), [
    'services.a.command',
    'services.b.command',
    'services.c.command',
    'services.d.cwd',
    'services.e.user',
    'services.f.env_file',
    'services.g.cwd',
    'services.h.command',
  ]);
  assert.match(found.get('services.a.command') ?? '', /no-such-program-anywhere is not in PATH/);
  assert.match(found.get('services.b.command') ?? '', /no-such-interpreter/);
  assert.match(found.get('services.c.command') ?? '', /not executable: chmod \+x/);
  assert.match(found.get('services.h.command') ?? '', /is a directory/);
  assert.match(found.get('services.f.env_file') ?? '', /absent\.env cannot be read: it does not exist; create it/);
  assert.ok(result.files.includes(place.at('good.env')), 'an env_file is watched too');
});

test('a change of any file is seen: edited, replaced, linked anew, added, removed, gone and back', async () => {
  await using place = await folder({
    'config.toml': 'include = ["d/*.toml"]\n',
    'd/a.toml': WEB,
    'old/x.toml': '# old\n',
    'new/x.toml': '# new\n',
    'key/env.toml': '',
  });
  await symlink('old', place.at('current'));
  await symlink('../current/x.toml', place.at('d/x.toml'));
  const { files } = place.read();
  let last = signatureOf(files);
  const changes = async () => {
    const now = await signatureInBackground(files);
    assert.deepEqual(now, signatureOf(files), 'in the background the same');
    const changed = changedFiles(last, now);
    last = now;
    return changed;
  };
  assert.deepEqual(await changes(), []);

  await writeFile(place.at('d/a.toml'), `${WEB}nice = 1\n`);
  assert.deepEqual(await changes(), [place.at('d/a.toml')]);

  const text = await readFile(place.at('d/a.toml'));
  await writeFile(place.at('d/a.new'), text);
  await utimes(place.at('d/a.new'), 1, 1);
  await utimes(place.at('d/a.toml'), 1, 1);
  await changes();
  await rename(place.at('d/a.new'), place.at('d/a.toml'));
  assert.deepEqual(await changes(), [place.at('d/a.toml')], 'same size and time, another file');

  await symlink('new', place.at('next'));
  await rename(place.at('next'), place.at('current'));
  assert.deepEqual(await changes(), [place.at('d/x.toml')], 'as a ConfigMap is changed');

  await put(place.at('d/b.toml'), '');
  assert.deepEqual(await changes(), [place.at('d/*.toml')]);
  await put(place.at('d/.b.toml.swp'), '');
  assert.deepEqual(await changes(), [], 'what an editor leaves behind is none of ours');
  await rm(place.at('key/env.toml'));
  assert.deepEqual(await changes(), [place.at('key/env.toml')]);
  assert.deepEqual(await changes(), []);
  await put(place.at('key/env.toml'), '');
  assert.deepEqual(await changes(), [place.at('key/env.toml')]);
});

test('the environment is a layer, PATH in it is where programs are looked for', async () => {
  await using place = await folder({ 'config.toml': '[services.web]\ncommand = "tool"\n', 'bin/tool': '#!/bin/sh\n' });
  await chmod(place.at('bin/tool'), 0o755);
  const env = { PATH: place.at('bin'), OPSD__SERVICES__WEB__NICE: '2' };
  const result = place.read({ env });
  assert.ok(result.ok);
  assert.equal(result.config.services.get('web')?.launch.nice, 2);
  const elsewhere = place.read({ env: { PATH: '/bin' } });
  assert.deepEqual(
    elsewhere.hostProblems.map(({ key }) => key),
    ['services.web.command'],
  );
});
