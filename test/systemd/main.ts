// make test-systemd: installs opsd below an overlay of this host's root, then runs the tests, each on machines of its own.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeBase } from './base.ts';
import { makeCgroups, removeCgroups } from './cgroups.ts';
import { whyNoContainer } from './requirements.ts';

/** Names this run; also the marker that we are in a mount namespace of our own. */
const RUN = 'OPSD_TEST_SYSTEMD';

function skip(why: string): never {
  console.log(`test-systemd: SKIPPED, no real systemd can be booted here: ${why}`);
  process.exit(0);
}

/** Everything that is mounted in it is gone when its last process is, however that ends. */
function inOwnMountNamespace(): number {
  const folder = `/run/opsd-test-${process.pid}`;
  mkdirSync(folder);
  const group = makeCgroups(`opsd-test-${process.pid}`);
  try {
    const again = [process.execPath, ...process.argv.slice(1)];
    const run = spawnSync('unshare', ['--mount', '--propagation', 'private', '--', ...again], {
      stdio: 'inherit',
      env: { ...process.env, [RUN]: folder },
    });
    return run.status ?? 1;
  } finally {
    removeCgroups(group);
    rmdirSync(folder);
  }
}

function runTests(folder: string): number {
  makeBase(folder);
  const given = process.argv.slice(2);
  const files = given.filter((name) => name.endsWith('.test.ts'));
  const all = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'));
  const run = spawnSync(
    process.execPath,
    [
      '--test',
      '--test-concurrency=2',
      '--test-timeout=180000',
      ...given.filter((name) => name.startsWith('--')),
      ...(files.length > 0 ? files : all.sort().map((name) => join(import.meta.dirname, name))),
    ],
    { stdio: 'inherit' },
  );
  return run.status ?? 1;
}

const why = whyNoContainer();
if (why !== null) skip(why);
const folder = process.env[RUN];
process.exit(folder === undefined ? inOwnMountNamespace() : runTests(folder));
