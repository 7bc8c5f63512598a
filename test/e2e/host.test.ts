// What is wrong with the machine harms the services that need it, and nobody else.

import { strict as assert } from 'node:assert';
import { chmod, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Opsd, startOpsd } from '../support/opsd.ts';

const FINE = '[services.fine]\ncommand = ["sleep", "1000"]\n';
const SLEEPER = '#!/bin/sh\nexec sleep 1000\n';

/** Each is missing at the start, and comes back. `web` is the table of the service. */
const LACKS: readonly {
  readonly name: string;
  readonly web: string;
  readonly why: RegExp;
  readonly files?: Readonly<Record<string, string>>;
  readonly cure: (opsd: Opsd) => Promise<unknown>;
}[] = [
  {
    name: 'a command',
    web: 'command = ["./server"]',
    why: /command \.\/server: \S+\/server does not exist: install it/,
    cure: (opsd) => opsd.write('server', SLEEPER),
  },
  {
    name: 'a command without x',
    web: 'command = ["plain/server"]',
    files: { 'plain/server': 'exec sleep 1000\n' },
    why: /server is not executable: chmod \+x/,
    cure: (opsd) => chmod(join(opsd.dir, 'plain/server'), 0o755),
  },
  {
    name: 'a command that is a folder',
    web: 'command = ["./server"]',
    files: { 'server/readme': '' },
    why: /server is a directory, not a program/,
    cure: async (opsd) => {
      await rename(join(opsd.dir, 'server'), join(opsd.dir, 'away'));
      await opsd.write('server', SLEEPER);
    },
  },
  {
    name: 'an interpreter',
    web: 'command = ["./server"]',
    files: { server: '#!/tmp/opsd-no-such-folder/../../proc/self/cwd/interpreter\n' },
    why: /interpreter \S+ of script \S+\/server does not exist/,
    cure: (opsd) => opsd.write('server', SLEEPER),
  },
  {
    name: 'a working directory',
    web: 'command = ["sleep", "1000"]\ncwd = "later"',
    why: /working directory \S+\/later does not exist: create it/,
    cure: (opsd) => mkdir(join(opsd.dir, 'later')),
  },
  {
    name: 'a relative command below a missing working directory',
    web: 'command = ["bin/server"]\ncwd = "releases/current"',
    why: /working directory \S+\/releases\/current does not exist/,
    cure: async (opsd) => {
      await opsd.write('next/bin/server', SLEEPER);
      await mkdir(join(opsd.dir, 'releases'));
      await rename(join(opsd.dir, 'next'), join(opsd.dir, 'releases/current'));
    },
  },
  {
    name: 'an env_file',
    web: 'command = ["sh", "-c", "echo GREETING=$GREETING; exec sleep 1000"]\nenv_file = "web.env"',
    why: /web\.env cannot be read: it does not exist; create it/,
    cure: (opsd) => opsd.write('web.env', 'GREETING=hello\n'),
  },
  {
    name: 'an env_file that is a folder',
    web: 'command = ["sleep", "1000"]\nenv_file = "web.env"',
    files: { 'web.env/readme': '' },
    why: /web\.env cannot be read: it /,
    cure: async (opsd) => {
      await rm(join(opsd.dir, 'web.env'), { recursive: true });
      await opsd.write('web.env', 'A=1\n');
    },
  },
  {
    name: 'an env_file in which something is wrong',
    web: 'command = ["sleep", "1000"]\nenv_file = "web.env"',
    files: { 'web.env': 'OPSD_MARKER=1\n' },
    why: /OPSD_MARKER is set by opsd itself/,
    cure: (opsd) => opsd.write('web.env', 'A=1\n'),
  },
  {
    name: 'the program of its health probe',
    web: 'command = ["sleep", "1000"]\n[services.web.health]\nexec = ["./ask"]',
    why: /health\.exec: command \.\/ask: \S+\/ask does not exist/,
    cure: (opsd) => opsd.write('ask', '#!/bin/sh\nexit 0\n'),
  },
];

test('what a service lacks is told, the others run, and it starts when that is there', async (t) => {
  for (const { name, web, why, files = {}, cure } of LACKS) {
    await t.test(name, async () => {
      await using opsd = await startOpsd({ config: `${FINE}[services.web]\n${web}\n`, files });
      await opsd.until('fine', 'running');
      const view = await opsd.until('web', 'failed');
      assert.match(view.reason, why);
      assert.notEqual(view.next_attempt_at, null, 'retry_failed');
      await opsd.logged(/CRITICAL alert .*service=web reason=host_problem/);
      const told = await opsd.ctl('why', 'web');
      assert.match(told.stdout, why);
      const check = await opsd.opsd('check');
      assert.equal(check.code, 1, check.stderr);
      assert.match(check.stderr, /1 problem of this host; only what needs it fails/);
      const warned = await opsd.opsd('check', '--host=warn');
      assert.equal(warned.code, 0, warned.stderr);
      assert.match(warned.stderr, /1 warning of this host/);
      await cure(opsd);
      await opsd.until('web', 'running');
      assert.equal((await opsd.opsd('check')).code, 0);
    });
  }
});
