// What opsd inherits and what it must not pass on, in a process of its own that was started in every bad way.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { limitOf } from '../../../src/os/proc/descriptors.ts';

const module = resolve(import.meta.dirname, '../../../src/os/proc/descriptors.ts');

/** Runs a script of ECMAScript below a shell, with `descriptors.ts` at hand; gives what it printed as JSON. */
function run(before: string, script: string, environment: Record<string, string> = {}): unknown {
  const source = `import * as d from '${module}'; import { spawnSync } from 'node:child_process'; ${script}`;
  const { stdout, stderr } = spawnSync(
    'bash',
    ['--norc', '-c', `${before} "$0" --input-type=module -e "$1"; true`, process.execPath, source],
    {
      env: { PATH: process.env.PATH, ...environment },
    },
  );
  assert.equal(stderr.toString(), '');
  return JSON.parse(stdout.toString());
}

// Node itself sees to the first dozen of them (uv_disable_stdio_inheritance), and stops at the first gap after that.
const list = 'const list = () => spawnSync("sh", ["-c", "ls -l /proc/self/fd"]).stdout.toString();';

test('a descriptor that the parent forgot does not reach the children (edge case 37)', () => {
  const before = 'exec 47</etc/passwd; exec';
  assert.match(String(run(before, `${list} console.log(JSON.stringify(list()))`)), /47 -> \/etc\/passwd/);
  const result = run(
    before,
    `${list} const closed = d.closeInherited(process.env); console.log(JSON.stringify({ closed, after: list() }))`,
  );
  assert.ok(typeof result === 'object' && result && 'closed' in result && 'after' in result);
  assert.ok(Array.isArray(result.closed) && result.closed.includes(47), String(result.closed));
  assert.doesNotMatch(String(result.after), /passwd/);
});

test('sockets of socket activation stay, if they are meant for us', () => {
  const script = 'console.log(JSON.stringify(d.closeInherited(process.env)))';
  const before = 'exec 47</etc/passwd; exec 147</etc/passwd; export LISTEN_FDS=60;';
  const ours = run(`${before} LISTEN_PID=$$ exec`, script);
  assert.ok(Array.isArray(ours) && ours.includes(147) && !ours.includes(47), String(ours));
  const foreign = run(`${before} LISTEN_PID=1 exec`, script);
  assert.ok(Array.isArray(foreign) && foreign.includes(47), String(foreign));
});

const raise = 'console.log(JSON.stringify([d.raiseDescriptorLimit(process.env), d.limitOf("self").soft]))';

test('our own soft limit is the hard one, services keep what opsd was started with', () => {
  const hard = limitOf('self')?.hard ?? 0;
  // The shell stays and is the parent; Node raises the limit by itself before any of our code runs.
  assert.deepEqual(run('ulimit -Sn 321;', raise), [321, hard]);
});

test('a launcher can tell what the limit was', () => {
  const hard = limitOf('self')?.hard ?? 0;
  assert.deepEqual(run('', raise, { OPSD_NOFILE: '123' }), [123, hard]);
  assert.deepEqual(run('', raise, { OPSD_NOFILE: String(hard * 2) }), [hard, hard]);
});
