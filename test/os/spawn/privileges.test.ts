// What opsd may give to others, seen in processes with fewer rights than this one.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { ownPrivileges } from '../../../src/os/spawn/privileges.ts';
import { without } from '../../support/capabilities.ts';

const module = resolve(import.meta.dirname, '../../../src/os/spawn/privileges.ts');
const all = ownPrivileges();

/** The powers of a process that is started by the words in `through`; null: these cannot start one. */
function powersThrough(...through: readonly string[]) {
  const source = `import { ownPrivileges } from '${module}'; const powers = ownPrivileges();
    console.log(JSON.stringify({ ...powers, capabilities: [...powers.capabilities], bounding: [...powers.bounding] }));`;
  const [file = '', ...args] = [...through, process.execPath, '--input-type=module', '-e', source];
  const { status, stdout } = spawnSync(file, args);
  return status === 0 ? JSON.parse(stdout.toString()) : null;
}

test('who may not raise hard limits can give no more than these', () => {
  const limits = ['prlimit', '--nofile=500:600', '--core=4096:8192', '--'];
  const { capabilities, descriptors, coreFile } = powersThrough(...limits, ...without('sys_resource'));
  assert.ok(!capabilities.includes('CAP_SYS_RESOURCE'));
  assert.deepEqual([descriptors, coreFile], [600, 8192]);
});

test('what was taken from the bounding set is given to nobody', {
  skip: !all.capabilities.has('CAP_SETPCAP') && 'takes CAP_SETPCAP',
}, () => {
  const { isRoot, bounding } = powersThrough(...without('chown', 'kill'));
  assert.deepEqual(
    [...all.bounding].filter((name) => !bounding.includes(name)),
    ['CAP_CHOWN', 'CAP_KILL'],
  );
  assert.equal(isRoot, all.isRoot);
});

test('who has no right to lower niceness and oom_score_adj can leave them as they are, or go where RLIMIT_NICE lets it', () => {
  const rest = without('sys_nice', 'sys_resource');
  const plain = powersThrough('prlimit', '--nice=0:0', '--', 'nice', '-n', '5', ...rest);
  const own = Math.min(all.nice.own + 5, 19);
  assert.deepEqual(plain.nice, { own, lowest: own });
  assert.deepEqual(plain.oomScoreAdj, { own: all.oomScoreAdj.own, lowest: all.oomScoreAdj.own });
  const allowed = powersThrough('prlimit', '--nice=17:17', '--', ...rest);
  if (allowed !== null) assert.equal(allowed.nice.lowest, 3);
});

test('who may raise them can give what the kernel has', {
  skip: !all.capabilities.has('CAP_SYS_RESOURCE') && 'takes CAP_SYS_RESOURCE',
}, () => {
  const { descriptors, coreFile } = powersThrough('prlimit', '--nofile=500:600', '--core=0:0', '--');
  assert.deepEqual([descriptors, coreFile], [all.descriptors, null]);
  assert.ok(descriptors > 600);
});

test('root of a user namespace, as in a rootless container, may not, whatever its capabilities', (t) => {
  const powers = powersThrough('prlimit', '--nofile=500:600', '--', 'unshare', '--user', '--map-root-user');
  if (powers === null) return t.skip('no user namespaces here');
  assert.ok(powers.capabilities.includes('CAP_SETUID'));
  assert.ok(!powers.capabilities.includes('CAP_SYS_RESOURCE'));
  assert.equal(powers.descriptors, 600);
});
