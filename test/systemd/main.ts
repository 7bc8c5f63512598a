// make test-systemd: installs opsd below an overlay of this host's root, then runs the tests, each on machines of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeBase } from './base.ts';
import { makeCgroups, removeCgroups } from './cgroups.ts';
import { cgroupTrees, whyNoContainer } from './requirements.ts';

/** Names this run; also the marker that we are in a mount namespace of our own. */
const RUN = 'OPSD_TEST_SYSTEMD';
const NAME = /^opsd-systemd-(\d+)$/;

/** Everything that is mounted in it is gone when its last process is, however that ends. */
async function inOwnMountNamespace(): Promise<number> {
  removeStale();
  const name = `opsd-systemd-${process.pid}`;
  mkdirSync(`/run/${name}`);
  makeCgroups(name);
  try {
    const again = [process.execPath, ...process.argv.slice(1)];
    return await passOn('unshare', ['--mount', '--propagation', 'private', '--', ...again], {
      ...process.env,
      [RUN]: `/run/${name}`,
    });
  } finally {
    removeCgroups(name);
    rmdirSync(`/run/${name}`);
  }
}

async function runTests(folder: string): Promise<number> {
  makeBase(folder);
  const given = process.argv.slice(2);
  const files = given.filter((name) => name.endsWith('.test.ts'));
  const all = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'));
  return await passOn(process.execPath, [
    ...['--test', '--test-concurrency=2', '--test-timeout=180000'],
    ...given.filter((name) => name.startsWith('--')),
    ...(files.length > 0 ? files : all.sort().map((name) => join(import.meta.dirname, name))),
  ]);
}

/** Runs it with our own input and output; who ends us, ends it, and we clean up after it. */
async function passOn(command: string, args: string[], env = process.env): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

/** What runs that were killed outright left behind. */
function removeStale(): void {
  for (const folder of [...cgroupTrees(), '/run']) {
    for (const name of readdirSync(folder)) {
      const pid = NAME.exec(name)?.[1];
      if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
      if (folder === '/run') rmdirSync(join(folder, name));
      else removeCgroups(name);
    }
  }
}

const folder = process.env[RUN];
const why = folder === undefined ? whyNoContainer() : null;
if (why !== null) console.log(`test-systemd: SKIPPED, no real systemd can be booted here: ${why}`);
else process.exitCode = await (folder === undefined ? inOwnMountNamespace() : runTests(folder));
