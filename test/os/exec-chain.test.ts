// What stands in front of a command, for each wish.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Birth, execChain, type Inherited } from '../../src/os/spawn/exec-chain.ts';

const inherited: Inherited = { umask: 0o022, nice: 0, oomScoreAdj: 0, descriptors: 1024 };
const tools = {
  sh: '/bin/sh',
  prlimit: '/usr/bin/prlimit',
  nice: '/usr/bin/nice',
  ionice: '/usr/bin/ionice',
  setpriv: '/usr/bin/setpriv',
};
const plain: Birth = {
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
const END = 'unset PWD OLDPWD; exec "$@"';

const cases: readonly (readonly [string, Partial<Birth>, readonly string[]])[] = [
  ['nothing asked for: no chain', {}, []],
  ['umask', { umask: 0o7 }, ['/bin/sh', '-c', `umask 007; ${END}`, 'opsd']],
  ['soft descriptor limit', { descriptors: 256 }, ['/bin/sh', '-c', `ulimit -S -n 256; ${END}`, 'opsd']],
  ['oom score', { oomScoreAdj: -5 }, ['/bin/sh', '-c', `${oomScore(-5)}; ${END}`, 'opsd']],
  [
    'cgroup',
    { cgroup: '/sys/fs/cgroup/x y' },
    ['/bin/sh', '-c', `echo $$ > "$0/cgroup.procs"; ${END}`, '/sys/fs/cgroup/x y'],
  ],
  ['sockets', { hasSockets: true }, ['/bin/sh', '-c', `export LISTEN_PID=$$; ${END}`, 'opsd']],
  ['niceness', { nice: 5 }, ['/usr/bin/nice', '-n', '5', '--']],
  ['user', { user: { uid: 33, gid: 44 } }, ['/usr/bin/setpriv', '--reuid=33', '--regid=44', '--init-groups', '--']],
  ['descriptors, soft and hard', { nofile: 64, descriptors: 256 }, ['/usr/bin/prlimit', '--nofile=64:64', '--']],
  ['core files', { core: 'unlimited' }, ['/usr/bin/prlimit', '--core=unlimited:unlimited', '--']],
  ['I/O priority', { ionice: { class: 'best-effort', level: 7 } }, ['/usr/bin/ionice', '-c', '2', '-n', '7', '--']],
  ['idle I/O', { ionice: { class: 'idle', level: null } }, ['/usr/bin/ionice', '-c', '3', '--']],
  ['no new privileges', { noNewPrivileges: true }, ['/usr/bin/setpriv', '--no-new-privs', '--']],
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
  ],
];

for (const [name, wish, chain] of cases) {
  test(name, () => assert.deepEqual(execChain({ ...plain, ...wish }, inherited, tools), chain));
}

test('all of it: rights are given up last', () => {
  const all: Birth = {
    ...plain,
    umask: 0o77,
    nice: 3,
    oomScoreAdj: 100,
    descriptors: 64,
    user: { uid: 1, gid: 1 },
    cgroup: '/c',
  };
  assert.deepEqual(execChain(all, inherited, tools), [
    '/bin/sh',
    '-c',
    `umask 077; ulimit -S -n 64; ${oomScore(100)}; echo $$ > "$0/cgroup.procs"; ${END}`,
    '/c',
    '/usr/bin/nice',
    '-n',
    '3',
    '--',
    '/usr/bin/setpriv',
    '--reuid=1',
    '--regid=1',
    '--init-groups',
    '--',
  ]);
});

test('niceness and oom score of opsd itself are undone', () => {
  const protectedOne = { ...inherited, nice: -5, oomScoreAdj: -900 };
  assert.deepEqual(execChain(plain, protectedOne, tools), [
    '/bin/sh',
    '-c',
    `${oomScore(0)}; ${END}`,
    'opsd',
    '/usr/bin/nice',
    '-n',
    '5',
    '--',
  ]);
});
