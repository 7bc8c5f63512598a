// What stands in front of a command, for each wish.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execChain, type Inherited, type ProcessAttributes } from '../../../src/os/chain/exec-chain.ts';

const inherited: Inherited = { umask: 0o022, nice: 0, oomScoreAdj: 0, descriptors: 1024 };
const tools = {
  sh: '/bin/sh',
  prlimit: '/usr/bin/prlimit',
  nice: '/usr/bin/nice',
  ionice: '/usr/bin/ionice',
  setpriv: '/usr/bin/setpriv',
  perl: '/usr/bin/perl',
};
const plain: ProcessAttributes = {
  ...inherited,
  nofile: null,
  core: null,
  ionice: null,
  noNewPrivileges: false,
  capabilities: null,
  hasSockets: false,
  user: null,
  cgroup: null,
};
const oomScore = (score: number) =>
  `{ echo ${score} > /proc/self/oom_score_adj; } 2>/dev/null || echo "opsd: the kernel refuses oom_score_adj = ${score} without CAP_SYS_RESOURCE, this goes on without" >&2`;
const setpriv = ['/usr/bin/setpriv', '--reuid=33', '--regid=44', '--init-groups', '--'];

/** Stages with opsd's rights, and steps of the landing behind them. */
const cases: readonly (readonly [string, Partial<ProcessAttributes>, readonly string[], readonly string[]])[] = [
  ['umask', { umask: 0o7 }, [], ['umask 007']],
  ['soft descriptor limit', { descriptors: 256 }, [], ['ulimit -S -n 256']],
  ['oom score', { oomScoreAdj: -5 }, [], [oomScore(-5)]],
  ['cgroup', { cgroup: "/sys/fs/cgroup/x y'" }, [], [`echo $$ > '/sys/fs/cgroup/x y'\\''/cgroup.procs'`]],
  ['niceness', { nice: 5 }, ['/usr/bin/nice', '-n', '5', '--'], []],
  ['user', { user: { uid: 33, gid: 44, isNamed: true } }, setpriv, []],
  ['descriptors, soft and hard', { nofile: 65, descriptors: 256 }, ['/usr/bin/prlimit', '--nofile=65:65', '--'], []],
  ['core files', { core: 'unlimited' }, ['/usr/bin/prlimit', '--core=unlimited:unlimited', '--'], []],
  ['I/O priority', { ionice: { class: 'best-effort', level: 7 } }, ['/usr/bin/ionice', '-c', '2', '-n', '7', '--'], []],
  ['idle I/O', { ionice: { class: 'idle', level: null } }, ['/usr/bin/ionice', '-c', '3', '--'], []],
  ['no new privileges', { noNewPrivileges: true }, ['/usr/bin/setpriv', '--no-new-privs', '--'], []],
  [
    'capabilities',
    { capabilities: ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE'] },
    [
      '/usr/bin/setpriv',
      '--bounding-set=-all,+chown,+net_bind_service',
      '--inh-caps=-all,+chown,+net_bind_service',
      '--ambient-caps=-all,+chown,+net_bind_service',
      '--',
    ],
    [],
  ],
];

for (const [name, wish, stages, steps] of cases) {
  test(name, () => {
    const chain = execChain({ ...plain, ...wish }, inherited, tools);
    assert.deepEqual([chain?.stages, chain?.steps], [stages, steps]);
  });
}

test('nothing asked for: no chain', () => assert.equal(execChain(plain, inherited, tools), null));

test('sockets alone need a landing, which knows its own number', () => {
  const chain = execChain({ ...plain, hasSockets: true }, inherited, tools);
  assert.deepEqual(chain, { stages: [], rights: [], steps: [], last: [], hasSockets: true });
});

test('all of it: what needs the rights of opsd comes first, they are given up last, the rest is done without them', () => {
  const all: ProcessAttributes = {
    ...plain,
    umask: 0o77,
    nice: 3,
    oomScoreAdj: 100,
    descriptors: 64,
    core: 0,
    user: { uid: 33, gid: 44, isNamed: true },
    cgroup: '/c',
  };
  assert.deepEqual(execChain(all, inherited, tools), {
    stages: [
      ...['/bin/sh', '-c', `${oomScore(100)}; echo $$ > '/c/cgroup.procs'; exec "$@"`, 'opsd'],
      ...['/usr/bin/prlimit', '--core=0:0', '--'],
      ...['/usr/bin/nice', '-n', '3', '--'],
      ...setpriv,
    ],
    rights: setpriv,
    steps: ['umask 077', 'ulimit -S -n 64'],
    last: [],
    hasSockets: false,
  });
});

test('few descriptors are left to it last of all', () => {
  const chain = execChain({ ...plain, nofile: 5 }, inherited, tools);
  assert.deepEqual(chain, { stages: [], rights: [], steps: [], last: ['ulimit -n 5'], hasSockets: false });
});

test('niceness and oom score of opsd itself are undone', () => {
  const chain = execChain(plain, { ...inherited, nice: -5, oomScoreAdj: -900 }, tools);
  assert.deepEqual([chain?.stages, chain?.steps], [['/usr/bin/nice', '-n', '5', '--'], [oomScore(0)]]);
});
