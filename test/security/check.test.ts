// `opsd check` knows what services' users may not do, asked with a real second user.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { askUser, askUserNow } from '../../src/os/chain/user-view.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { prepareOpsd } from '../support/opsd.ts';
import { scratch } from '../support/scratch.ts';
import { waitFor } from '../support/wait.ts';

const asRoot = process.getuid?.() === 0 ? {} : { skip: 'only root can ask somebody else' };

test('folders and commands that root reaches, and the user does not', asRoot, async () => {
  await using folder = await scratch();
  chmodSync(folder.path, 0o755);
  const [home, open] = [join(folder.path, 'home'), join(folder.path, 'open')];
  mkdirSync(join(home, 'pub'), { recursive: true });
  chmodSync(home, 0o700);
  mkdirSync(open);
  symlinkSync(join(home, 'pub'), join(open, 'current'));
  writeFileSync(join(home, 'tool'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(join(open, 'script'), `#!${home}/tool -x\n`, { mode: 0o755 });
  writeFileSync(join(open, "it's fine"), '#!/bin/sh\n', { mode: 0o755 });
  await using place = await prepareOpsd({
    config: `[defaults]
user = "nobody"
cwd = "${open}"
command = ["true"]
[services.fine]
command = ["./it's fine"]
before_start = ["true"]
[services.linked]
cwd = "${open}/current"
[services.closed]
command = ["${home}/tool"]
[services.searched]
command = ["tool"]
env = { PATH = "/bin:${home}" }
[services.script]
health = { exec = ["${open}/script"] }
[services.off]
enabled = false
cwd = "${home}"
`,
  });
  const { code, stderr } = await place.opsd('check');
  assert.equal(code, 1);
  const told = stderr.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
  const at = (key: string, why: string) =>
    assert.ok(
      told.some((line) => line.includes(` services.${key} `) && line.includes(why)),
      `${key}: ${stderr}`,
    );
  at('linked.cwd', `user nobody may not enter the working directory ${open}/current: let that user pass it`);
  at('closed.command', `command ${home}/tool: user nobody may not execute it: let that user`);
  at('searched.command', `command tool: user nobody may execute none in PATH (/bin:${home})`);
  at('script.health.exec', `user nobody may not execute its interpreter ${home}/tool`);
  at('off.cwd', 'user nobody may not enter');
  assert.equal(stderr.includes('services.fine'), false);
  assert.match(stderr, /4 problems/);
});

test('whoever does not answer is not waited for, and a thousand questions are one child', asRoot, () => {
  const rights = ['/usr/bin/setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
  const asked = { rights, name: 'user nobody' };
  const question = { cwd: '/', program: 'true', path: '/usr/bin:/bin' };
  assert.deepEqual(askUserNow({ ...asked, rights: ['/bin/sleep', '1000', ';'] }, [question], 200, systemClock), [null]);
  const many = Array.from({ length: 1_000 }, (_, n) => (n % 2 === 0 ? question : { ...question, cwd: '/root' }));
  const answers = askUserNow(asked, many, 20_000, systemClock);
  assert.equal(answers.length, 1_000);
  for (const [n, answer] of answers.entries()) assert.equal(answer?.isOfFolder ?? false, n % 2 === 1, String(n));
  assert.deepEqual(askUserNow(asked, [question], 0, systemClock), [null]);
});

test('what the child says is of the user, and taken for no more than that', asRoot, async () => {
  const question = { cwd: '/', program: './tool', path: '/bin' };
  const saying = (script: string) => ({ rights: ['/bin/sh', '-c', script], name: 'user mal' });
  for (const ask of [
    askUser,
    async (asked: Parameters<typeof askUser>[0], one: typeof question) =>
      askUserNow(asked, [one], 5_000, systemClock)[0],
  ]) {
    const long = await ask(saying('printf "interpreter %5000s\\n" x'), question, systemClock);
    assert.ok(long !== null && long !== undefined && long.why.length < 600);
    for (const script of ['yes nonsense', 'echo cwd | tr -d "\\n"', 'exit 3', 'kill -9 $$'])
      assert.equal(await ask(saying(script), question, systemClock), null, script);
  }
  // More than may be asked at a time, of children whose output somebody keeps open, are not asked; those that ended are over.
  const held = Array.from({ length: 20 }, () => askUser(saying('sleep 4 & exit 0'), question, systemClock));
  assert.deepEqual(new Set(await Promise.all(held)), new Set([null]));
  const after = async () => (await askUser(saying('echo cwd'), question, systemClock))?.isOfFolder;
  await waitFor('an answer again', after);
});

test('--deploy warns of a service that runs as root', asRoot, async () => {
  await using place = await prepareOpsd({ config: '[services.web]\ncommand = ["true"]\n' });
  const plain = await place.opsd('check');
  assert.deepEqual([plain.code, plain.stderr], [0, '']);
  const deploy = await place.opsd('check', '--deploy');
  assert.equal(deploy.code, 0);
  assert.match(deploy.stderr, /services\.web\.user\s+it runs as root/);
});
