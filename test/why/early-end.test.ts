// What ends well at once: whether `why` names the likely cause and what to write instead, program by program.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventView } from '../../src/api/events.ts';
import type { WhyView } from '../../src/api/why.ts';
import { newService } from '../../src/core/model/initial.ts';
import type { Launch, Policy } from '../../src/core/model/spec.ts';
import type { Reason, StateName } from '../../src/core/model/states.ts';
import { explain } from '../../src/why/why.ts';
import { service as aView } from '../http/fake-control.ts';
import { aService } from '../simulation/specs.ts';

type Command = readonly [string, ...string[]];
type Change = readonly [from: StateName, to: StateName, reason: Reason, detail: string];

const NOW = 1_000_000;
const EARLY = 'exit code 0 after 50ms, before stable_after (10s)';
const ended: readonly Change[] = [['running', 'backoff', 'ended_early', EARLY]];
const left: readonly Change[] = [
  ['running', 'stopping', 'leftovers', 'main process ended (exit code 0), 2 of its processes remain'],
  ['stopping', 'backoff', 'leftovers', `${EARLY}; 2 of its processes remained in the background`],
];

function explained(
  command: Command,
  changes: readonly Change[],
  rest: Partial<Launch> & Partial<Policy> = {},
): WhyView {
  const spec = aService('web', rest);
  const [, to, reason, detail] = changes.at(-1) ?? ['stopped', 'stopped', 'boot', ''];
  const state = to === 'backoff' ? { name: to, deadline: NOW + 800 } : { name: 'exited' as const, deadline: null };
  const exit = { code: 0, signal: null, oom: false };
  const view = aView('web', { state: state.name, reason: detail, exit, failures_in_a_row: to === 'backoff' ? 1 : 0 });
  const events = changes.map(([before, after, why, said], at): EventView => {
    return {
      ...{ id: at, at: '2026-11-23T03:00:00.123Z', service: 'web', from: before, to: after, generation: 3, pid: null },
      ...{ reason: why, detail: said, exit, failures_in_a_row: 1, next_attempt_at: null },
    };
  });
  const service = {
    ...newService({ ...spec, launch: { ...spec.launch, ...rest, command } }, 3, NOW),
    ...{ state, lastExit: exit, lastReason: reason, lastDetail: detail },
  };
  return explain(
    {
      ...{ service, view, events, lastLines: [], signalled: null, missingFolder: null, uncheckedHeartbeat: null },
      ...{ refusal: null, wallAt: (instant) => new Date(1_764_000_000_000 + instant), other: () => undefined },
    },
    true,
  );
}

const rowOf = ({ evidence }: WhyView, label: string) => evidence.find((row) => row.label === label)?.text;

test('what reads its input to the end is told so', () => {
  const readers: readonly Command[] = [
    ['cat'],
    ['/bin/cat', '-'],
    ['bash'],
    ['/bin/sh', '-i'],
    ['grep', 'error'],
    ['tee', '/srv/log/copy'],
    ['python3.11', '-u'],
    ['psql', '-h', 'db', 'shop'],
    ['env', 'LANG=C', 'sort'],
    ['sh', '-c', 'exec cat'],
    ['nc', 'db', '5432'],
  ];
  for (const command of readers) {
    const told = explained(command, ended);
    assert.match(rowOf(told, 'likely cause') ?? '', /^it reads its input to the end/, command.join(' '));
    assert.match(rowOf(told, 'remedy') ?? '', /a file or a FIFO to read/);
    assert.match(
      told.summary,
      /^web failed: exit code 0 after 50ms.*; likely it reads its input to the end, and the input of a service is empty/,
    );
  }
});

test('what did its work is told to be a job', () => {
  const jobs: readonly Command[] = [
    ['true'],
    ['cat', '/etc/hostname'],
    ['python3', 'migrate.py'],
    ['node', '-e', '1'],
    ['psql', '-c', 'select 1'],
    ['grep', 'error', 'log'],
    ['sh', '-c', 'make; exit 0'],
    ['bash', 'deploy.sh'],
    ['pg_dump', 'shop'],
  ];
  for (const command of jobs) {
    const told = explained(command, ended);
    assert.match(rowOf(told, 'likely cause') ?? '', /^it is a job/, command.join(' '));
    assert.match(rowOf(told, 'remedy') ?? '', /type = "oneshot"/);
  }
});

test('a daemon that goes into the background is told the option that keeps it in the foreground', () => {
  const daemons: readonly (readonly [Command, RegExp])[] = [
    [['nginx'], /-g 'daemon off;'/],
    [['php-fpm'], /--nodaemonize/],
    [['/usr/sbin/php-fpm8.2', '-y', '/etc/php/fpm.conf'], /php-fpm8\.2 in the foreground: start it with --nodaemonize/],
    [['/usr/sbin/sshd'], /-D/],
    [['redis-server', '/etc/redis.conf'], /--daemonize no/],
    [['valkey-server'], /--daemonize no/],
    [['pg_ctl', '-D', '/srv/db', 'start'], /postgres -D DATADIR/],
    [['apache2', '-k', 'start'], /-D FOREGROUND/],
    [['apachectl', 'start'], /-D FOREGROUND/],
    [['httpd'], /-D FOREGROUND/],
    [['haproxy', '-D', '-f', '/etc/haproxy.cfg'], /-db/],
    [['mysqld', '--daemonize'], /without --daemonize/],
    [['mysqld_safe'], /mysqld itself/],
    [['memcached', '-d'], /without -d/],
    [['sudo', '-u', 'web', 'nginx'], /the foreground/],
    [['sh', '-c', 'ulimit -n 4096; exec nginx'], /daemon off/],
  ];
  for (const [command, option] of daemons) {
    for (const changes of [left, ended]) {
      const told = explained(command, changes);
      assert.match(rowOf(told, 'likely cause') ?? '', /^it goes into the background/, command.join(' '));
      assert.match(rowOf(told, 'remedy') ?? '', option);
      assert.match(told.summary, option);
    }
  }
});

test('a daemon that is in the foreground already, and ends, is not told to go there', () => {
  const daemons: readonly Command[] = [
    ['nginx', '-g', 'daemon off;'],
    ['sshd', '-De'],
    ['redis-server', '--daemonize', 'no'],
    ['httpd', '-DFOREGROUND'],
    ['haproxy', '-W', '-db'],
    ['postgres', '-D', '/srv/db'],
    ['mysqld'],
  ];
  for (const command of daemons) {
    assert.match(rowOf(explained(command, ended), 'likely cause') ?? '', /^it is a job/, command.join(' '));
  }
});

test('what is not known and leaves processes behind is told what to look for', () => {
  assert.match(rowOf(explained(['./server'], left), 'remedy') ?? '', /often --foreground, --no-daemon or -F/);
  assert.match(rowOf(explained(['sh', '-c', './server &'], left), 'remedy') ?? '', /leave out &/);
  assert.match(rowOf(explained(['./x'], left, { wrapper: ['nginx'] }), 'remedy') ?? '', /daemon off/);
});

test('what hands its work to another program is told to start that itself', () => {
  const handovers: readonly (readonly [Command, RegExp])[] = [
    [['docker', 'run', '-d', 'nginx'], /leave out -d/],
    [['podman', 'run', '--name', 'web', '--detach', 'nginx'], /leave out -d/],
    [['docker', 'compose', 'up', '-d'], /leave out -d/],
    [['systemctl', 'start', 'web'], /start the program itself/],
    [['service', 'web', 'start'], /start the program itself/],
    [['tmux', 'new', '-d', './server'], /start the program itself/],
  ];
  for (const [command, remedy] of handovers) {
    const told = explained(command, ended);
    assert.match(rowOf(told, 'likely cause') ?? '', /^it hands its work to another/, command.join(' '));
    assert.match(rowOf(told, 'remedy') ?? '', remedy);
  }
});

test('with on-failure a daemon in the background was a success, and is told of all the same', () => {
  const changes: readonly Change[] = [
    ['running', 'stopping', 'leftovers', 'main process ended (exit code 0), 2 of its processes remain'],
    ['stopping', 'exited', 'success', 'exit code 0'],
  ];
  const told = explained(['nginx'], changes, { restart: 'on-failure' });
  assert.match(told.summary, /^web ended with success \(likely it goes into the background.*restart = "on-failure"/);
  assert.match(rowOf(told, 'remedy') ?? '', /daemon off/);
  const job = explained(['make'], [['running', 'exited', 'success', 'exit code 0']], { restart: 'never' });
  assert.equal(rowOf(job, 'likely cause'), undefined);
});

test('a daemon that cannot start because an earlier one of it went into the background is told so', () => {
  const failed: readonly Change[] = [['running', 'backoff', 'exit_code', 'exit code 1']];
  const told = explained(['nginx'], failed);
  assert.match(rowOf(told, 'likely cause') ?? '', /an earlier one of it is still there/);
  assert.match(told.summary, /^web failed: exit code 1; likely .*daemon off/);
  for (const command of [['nginx', '-g', 'daemon off;'], ['node', 'server.js'], ['cat']] as const) {
    assert.equal(rowOf(explained(command, failed), 'likely cause'), undefined, command.join(' '));
  }
});
