// Whether a person who never saw opsd learns the cause, and what would help, from `why` alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventView } from '../../src/api/events.ts';
import type { ServiceView } from '../../src/api/services.ts';
import type { WhyView } from '../../src/api/why.ts';
import { newService } from '../../src/core/model/initial.ts';
import type { Launch, Policy } from '../../src/core/model/spec.ts';
import type { Exit, Service, ServiceState } from '../../src/core/model/state.ts';
import type { Reason, StateName } from '../../src/core/model/states.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import type { RejectedReload, Signalled, WhyFacts } from '../../src/why/facts.ts';
import { findingIn } from '../../src/why/symptoms.ts';
import { explain } from '../../src/why/why.ts';
import { service as aView, UP } from '../http/fake-control.ts';
import { aService } from '../simulation/specs.ts';

interface Case {
  readonly state: ServiceState;
  readonly reason: Reason;
  readonly detail: string;
  readonly from?: StateName;
  readonly exit?: Partial<Exit>;
  readonly lines?: readonly string[];
  /** Default: true. */
  readonly showsOutput?: boolean;
  readonly policy?: Partial<Policy>;
  readonly view?: Partial<ServiceView>;
  readonly service?: Partial<Service>;
  readonly others?: readonly ServiceView[];
  readonly refusal?: RejectedReload;
  readonly signalled?: Signalled;
  readonly missingFolder?: string;
  readonly uncheckedHeartbeat?: string;
  /** In place of the one that led to the state, the oldest first. */
  readonly events?: readonly Pick<EventView, 'from' | 'to' | 'reason' | 'detail' | 'generation'>[];
}

const now = systemClock.now();
const backoff: ServiceState = { name: 'backoff', deadline: now + 800 };
const forGood: ServiceState = { name: 'failed', deadline: null };

function why(about: Case): WhyView {
  const exit: Exit | null = about.exit === undefined ? null : { code: null, signal: null, oom: false, ...about.exit };
  const isTimed = about.state.name === 'backoff' || about.state.name === 'failed';
  const view = aView('web', {
    state: about.state.name,
    reason: about.detail,
    exit: exit === null ? null : { code: exit.code, signal: exit.signal },
    failures_in_a_row: about.from === undefined ? 0 : 1,
    next_attempt_at: isTimed && about.state.deadline !== null ? new Date(Date.now() + 800).toISOString() : null,
    generation: 3,
    ...about.view,
  });
  const event: EventView = {
    id: 1,
    at: '2026-11-23T03:00:00.123Z',
    service: 'web',
    from: about.from ?? 'stopped',
    to: about.state.name,
    generation: 3,
    pid: null,
    reason: about.reason,
    detail: about.detail,
    exit: view.exit,
    failures_in_a_row: view.failures_in_a_row,
    next_attempt_at: view.next_attempt_at,
  };
  const facts: WhyFacts = {
    service: {
      ...newService(aService('web', about.policy ?? {}), 3, now),
      state: about.state,
      lastExit: exit,
      lastReason: about.reason,
      lastDetail: about.detail,
      ...about.service,
    },
    view,
    events: about.events?.map((change) => ({ ...event, ...change })) ?? [event],
    lastLines: about.lines ?? [],
    signalled: about.signalled ?? null,
    missingFolder: about.missingFolder ?? null,
    uncheckedHeartbeat: about.uncheckedHeartbeat ?? null,
    refusal: about.refusal ?? null,
    wallAt: (instant) => systemClock.wallAt(instant),
    other: (name) => about.others?.find((other) => other.name === name),
  };
  return explain(facts, about.showsOutput ?? true);
}

const shown = ({ evidence }: WhyView, label: string) => evidence.find((each) => each.label === label)?.text;

test('missing binary', () => {
  const detail = 'command nodee is not in PATH (/usr/bin:/bin): install it, or write its full path';
  const told = why({ state: forGood, from: 'starting', reason: 'spawn_failed', detail });
  assert.equal(told.summary, `web failed for good: ${detail}.`);
  assert.equal(told.next, 'nothing, until it is started or its configuration changes');
  assert.equal(told.next_at, null);
  assert.deepEqual(told.commands.slice(0, 2), ['opsd check', 'opsd ctl reload']);
});

test('crash on start', () => {
  const lines = ['starting', "Error: Cannot find module 'express'", '    at Module._load'];
  const about: Case = {
    state: backoff,
    from: 'running',
    reason: 'exit_code',
    detail: 'exit code 1',
    exit: { code: 1 },
    lines,
  };
  const told = why(about);
  assert.equal(told.summary, 'web failed: exit code 1; its output says: a module or library is not installed.');
  assert.equal(shown(told, 'its output says'), "Error: Cannot find module 'express'");
  const toStrangers = why({ ...about, showsOutput: false });
  assert.equal(toStrangers.summary, told.summary, 'what the words mean is told to all');
  assert.doesNotMatch(JSON.stringify(toStrangers), /express|_load/, 'the words are not');
  assert.equal(shown(told, 'last exit'), 'exit code 1');
  assert.equal(told.next, 'it is restarted');
  assert.equal(shown(told, 'failures in a row'), '1; opsd gives up after more than 10 (max_failures)');
  assert.ok(Math.abs(Date.parse(told.next_at ?? '') - Date.now() - 800) < 500);
  assert.ok(told.commands.includes('opsd ctl logs web'));
});

test('heartbeat lost', () => {
  const detail = 'no heartbeat for 30s (heartbeat.timeout is 30s)';
  const policy = { heartbeat: { timeout: 30_000, grace: 30_000 } };
  const told = why({ state: backoff, from: 'stopping', reason: 'heartbeat_lost', detail, policy });
  assert.equal(told.summary, `web failed: ${detail}.`);
  assert.equal(shown(told, 'heartbeat'), 'expected every 30s in /nowhere/web.heartbeat');
  assert.equal(told.commands[0], 'stat /nowhere/web.heartbeat');
});

test('a service that has no folder to beat in is told to have none', () => {
  const policy = { heartbeat: { timeout: 30_000, grace: 30_000 } };
  const detail = 'no heartbeat within 30s of the start (heartbeat.grace)';
  const lost: Case = { state: backoff, from: 'stopping', reason: 'heartbeat_lost', detail, policy };
  const told = why({ ...lost, missingFolder: '/nowhere' });
  assert.equal(
    shown(told, 'missing folder'),
    '/nowhere does not exist, so the service cannot touch its heartbeat file',
  );
  assert.equal(told.commands[0], 'install -d /nowhere');
  assert.equal(shown(why(lost), 'missing folder'), undefined);
  const up: Case = { state: { name: 'running', deadline: null, run: newRun() }, reason: 'ready', detail, policy };
  const silent = why({ ...up, view: UP, missingFolder: '/nowhere' });
  assert.ok(shown(silent, 'missing folder') !== undefined && silent.commands.includes('install -d /nowhere'));
  const beating = why({ ...up, view: { ...UP, heartbeat_age_seconds: 1 }, missingFolder: '/nowhere' });
  assert.equal(shown(beating, 'missing folder'), undefined);
});

test('a heartbeat file that cannot be checked', () => {
  const policy = { heartbeat: { timeout: 30_000, grace: 30_000 } };
  const up: Case = { state: { name: 'running', deadline: null, run: newRun() }, reason: 'ready', detail: '', policy };
  const told = why({ ...up, view: UP, uncheckedHeartbeat: 'its disk does not answer' });
  assert.equal(shown(told, 'heartbeat file'), 'its disk does not answer');
  assert.equal(shown(why({ ...up, view: UP }), 'heartbeat file'), undefined);
});

test('out of memory', () => {
  const detail = 'killed by the kernel: out of memory';
  const told = why({ state: backoff, from: 'running', reason: 'oom', detail, exit: { signal: 'SIGKILL', oom: true } });
  assert.match(told.summary, /killed by the kernel: out of memory/);
  assert.equal(shown(told, 'last exit'), 'killed by SIGKILL (by the kernel: out of memory)');
  assert.match(told.commands[0] ?? '', /^journalctl -k/);
});

test('dependency down', () => {
  const told = why({
    state: { name: 'waiting', deadline: null, for: 'db (failed)', on: 'db', isUnsatisfiable: true },
    reason: 'dependency',
    detail: 'waits for db (failed)',
    policy: { dependsOn: [{ service: 'db', until: 'ready' }] },
    others: [aView('db', { state: 'failed', reason: 'exit code 3' })],
  });
  assert.equal(told.summary, 'web waits for db, which is failed: exit code 3.');
  assert.equal(shown(told, 'depends on'), 'db (ready): failed, exit code 3');
  assert.deepEqual(told.commands, ['opsd ctl why db']);
});

test('a dependency that failed later', () => {
  const told = why({
    state: { name: 'running', deadline: null, run: newRun() },
    reason: 'ready',
    detail: 'up and ready',
    view: UP,
    policy: { dependsOn: [{ service: 'db', until: 'ready' }] },
    others: [aView('db', { state: 'backoff', reason: 'exit code 3' })],
  });
  assert.match(
    told.summary,
    /^web is up and ready as pid 4711, but db, which it depends on, is backoff: exit code 3\.$/,
  );
  assert.deepEqual(told.commands, ['opsd ctl why db']);
});

test('port in use', () => {
  const lines = ['Error: listen EADDRINUSE: address already in use :::8080'];
  const told = why({
    state: backoff,
    from: 'running',
    reason: 'exit_code',
    detail: 'exit code 1',
    exit: { code: 1 },
    lines,
  });
  assert.match(told.summary, /its output says: the port it wants is in use by another process\.$/);
  assert.equal(told.commands[0], 'ss -ltnp');
});

test('bad user', () => {
  const detail = 'user "wbe" does not exist on this host: create it, or correct user';
  const told = why({ state: forGood, from: 'starting', reason: 'spawn_failed', detail });
  assert.match(told.summary, /failed for good: user "wbe" does not exist/);
});

test('disk full', () => {
  const lines = ['sqlite3.OperationalError: write: No space left on device', 'exiting'];
  const told = why({
    state: backoff,
    from: 'running',
    reason: 'exit_code',
    detail: 'exit code 5',
    exit: { code: 5 },
    lines,
  });
  assert.match(told.summary, /the disk is full/);
  assert.equal(told.commands[0], 'df -h && df -i');
});

test('wrong signal handling', () => {
  const run = newRun();
  const next = { to: 'stopped', reason: 'operator', detail: 'stop by ann' } as const;
  const told = why({
    state: { name: 'killing', deadline: now + 5_000, run, next, isStuck: false },
    from: 'stopping',
    reason: 'stop_timeout',
    detail: 'did not stop within 30s',
    view: { pid: 4711 },
  });
  assert.equal(
    told.summary,
    'web is being killed: did not stop within 30s; it did not end after SIGTERM and was killed with SIGKILL.',
  );
  assert.equal(shown(told, 'stop signal'), 'the service did not end within 30s of SIGTERM (stop_timeout)');
  assert.ok(told.commands.includes('grep ^Sig /proc/4711/status'));
  assert.match(told.next, /^SIGKILL once more/);
});

test('a signal of opsd is told as its own, and why it was sent', () => {
  const stop: Case = {
    ...{ state: { name: 'stopped', deadline: null }, from: 'stopping', reason: 'operator', detail: 'stop by ann' },
    ...{ exit: { signal: 'SIGTERM' }, service: { desired: 'down' } },
  };
  const asked = { from: 'running', to: 'stopping', reason: 'operator', detail: 'stop by ann', generation: 3 } as const;
  const deaf = { reason: 'stop_timeout', detail: 'did not stop within 300ms' } as const;
  const killed = { ...asked, ...deaf, from: 'stopping', to: 'killing' } as const;
  const stopped = { ...asked, from: 'stopping', to: 'stopped' } as const;
  const last = (about: Case) => shown(why(about), 'last exit');
  assert.equal(last({ ...stop, events: [asked, stopped] }), 'killed by SIGTERM (opsd sent it: stop by ann)');
  assert.equal(
    last({ ...stop, exit: { signal: 'SIGKILL' }, events: [asked, killed, { ...stopped, from: 'killing' }] }),
    'killed by SIGKILL (opsd sent it: did not stop within 300ms)',
  );
  const beat = { reason: 'heartbeat_lost', detail: 'no heartbeat for 306ms' } as const;
  const silent: Case = { state: backoff, from: 'stopping', ...beat, exit: { signal: 'SIGTERM' } };
  const lost = [
    { ...asked, ...beat },
    { ...stopped, ...beat, to: 'backoff' },
  ] as const;
  assert.equal(last({ ...silent, events: lost }), 'killed by SIGTERM (opsd sent it: no heartbeat for 306ms)');
  // Of an opsd before this one only the last reason is left.
  assert.equal(last({ ...silent, events: [] }), 'killed by SIGTERM (opsd sent it: no heartbeat for 306ms)');
  assert.equal(last({ ...stop, events: [] }), 'killed by SIGTERM', 'it may have been anybody');
  const signalled = { signal: 'SIGINT', generation: 3, by: 'ann' } as const;
  const ended = { ...asked, to: 'backoff', reason: 'signal', detail: 'killed by SIGINT' } as const;
  const told = last({ state: backoff, ...ended, exit: { signal: 'SIGINT' }, signalled });
  assert.equal(told, 'killed by SIGINT (opsd sent it: signal by ann)', 'and that of opsd ctl signal');
});

test('a signal of somebody else stays one, whatever opsd did afterwards', () => {
  const generation = 3;
  const killed = { from: 'running', to: 'backoff', reason: 'signal', detail: 'killed by SIGTERM', generation } as const;
  const stopped = { from: 'backoff', to: 'stopped', reason: 'operator', detail: 'stop by ann', generation } as const;
  const about: Case = {
    ...{ state: { name: 'stopped', deadline: null }, reason: 'operator', detail: 'stop by ann' },
    ...{ exit: { signal: 'SIGTERM' }, events: [killed, stopped] },
  };
  const stranger = 'killed by SIGTERM (somebody other than opsd told it to end)';
  assert.equal(shown(why(about), 'last exit'), stranger);
  assert.equal(shown(why({ state: backoff, ...killed, exit: { signal: 'SIGTERM' } }), 'last exit'), stranger);
  assert.equal(
    shown(why({ state: backoff, ...killed, exit: { signal: 'SIGTERM' }, events: [] }), 'last exit'),
    stranger,
    'also when an earlier opsd saw it',
  );

  const detail = 'main process ended (killed by SIGKILL), 2 of its processes remain';
  const left = { from: 'running', to: 'stopping', reason: 'leftovers', detail, generation } as const;
  const swept = {
    from: 'stopping',
    to: 'killing',
    reason: 'stop_timeout',
    detail: 'did not stop',
    generation,
  } as const;
  const over = { from: 'killing', to: 'backoff', reason: 'signal', detail: 'killed by SIGKILL', generation } as const;
  assert.equal(
    shown(why({ state: backoff, ...over, exit: { signal: 'SIGKILL' }, events: [left, swept, over] }), 'last exit'),
    'killed by SIGKILL (by the kernel for lack of memory, or by somebody with kill -9)',
    'opsd killed only what it left behind',
  );
});

test('configuration rejected: what runs is told to run with the old one', () => {
  const about: Case = {
    state: { name: 'running', deadline: null, run: newRun() },
    reason: 'ready',
    detail: 'up and ready',
    view: UP,
  };
  const told = why(about);
  assert.equal(told.summary, 'web is up and ready as pid 4711; nothing is wrong.');
  assert.deepEqual(told.commands, []);
  assert.equal(told.next, 'it is watched');

  const problem = (key: string, line: number) => ({ where: 'cfg/config.toml', line, key, message: 'is wrong' });
  const problems = [problem('daemon.http', 2), problem('services.web.command', 7)];
  const refused = why({ ...about, refusal: { at: now, problems } });
  assert.match(
    refused.summary,
    /^web is up and ready as pid 4711, but with an old configuration: the files were refused when they were last read\.$/,
  );
  assert.match(shown(refused, 'configuration') ?? '', /^refused at .* stays in force:$/);
  assert.equal(shown(refused, 'problem'), 'cfg/config.toml:7 services.web.command is wrong');
  assert.deepEqual(refused.commands, ['opsd check', 'opsd ctl reload']);
});

test('a crash loop that was given up names the failure, not the giving up', () => {
  const told = why({
    state: { name: 'failed', deadline: now + 300_000 },
    from: 'running',
    reason: 'too_many_failures',
    detail: '11 failures in a row, the last: killed by SIGSEGV',
    exit: { signal: 'SIGSEGV' },
    view: { failures_in_a_row: 11 },
  });
  assert.match(
    told.summary,
    /^web failed 11 times in a row and was given up for now; the last time: killed by SIGSEGV \(it touched memory/,
  );
  assert.equal(told.next, 'it is tried again, after pauses that grow up to retry_failed');
});

test('a failure that trying again cannot heal explains its exit code, and threatens with nothing', () => {
  const told = why({
    state: forGood,
    from: 'running',
    reason: 'fatal_exit_code',
    detail: 'exit code 78, which fatal_exit_codes says not to retry; not retried until its configuration changes',
    exit: { code: 78 },
  });
  assert.equal(
    told.summary,
    'web failed for good: exit code 78 (its configuration is wrong, by sysexits(3)), which fatal_exit_codes says not to retry; not retried until its configuration changes.',
  );
  assert.equal(shown(told, 'failures in a row'), '1; the last one is permanent: trying again would not help');
});

test('failures in a row are counted for what they mean', () => {
  const failed: Case = { state: forGood, from: 'running', reason: 'too_many_failures', detail: '11 failures in a row' };
  assert.equal(
    shown(why({ ...failed, view: { failures_in_a_row: 11 } }), 'failures in a row'),
    '11, more than 10 (max_failures): opsd gave up',
  );
  const left: Case = { state: { name: 'exited', deadline: null }, from: 'running', reason: 'exit_code', detail: '' };
  assert.equal(shown(why({ ...left, policy: { restart: 'never' } }), 'failures in a row'), '1');
});

test('one failure that was one too many is not counted in the plural', () => {
  const told = why({
    ...{ state: { name: 'failed', deadline: now + 300_000 }, from: 'running', reason: 'too_many_failures' },
    ...{ detail: 'exit code 7', exit: { code: 7 }, policy: { maxFailures: 0 } },
  });
  assert.equal(told.summary, 'web failed and was given up for now: exit code 7.');
});

test('a service that somebody stopped says who, and how to start it', () => {
  const told = why({
    state: { name: 'stopped', deadline: null },
    reason: 'operator',
    detail: 'stop by ann',
    service: { desired: 'down' },
  });
  assert.equal(told.summary, 'web is stopped: stop by ann.');
  assert.match(shown(told, 'operator') ?? '', /wants it down/);
  assert.deepEqual([told.next, told.commands], ['nothing, until somebody starts it', ['opsd ctl start web']]);
});

test('one that is not enabled, and one that has done its work', () => {
  const idle: Case = {
    state: { name: 'stopped', deadline: null },
    reason: 'boot',
    detail: 'not started yet',
    policy: { enabled: false },
  };
  assert.equal(why(idle).summary, 'web is stopped because it is not enabled (enabled = false).');
  const done = why({
    state: { name: 'exited', deadline: null },
    reason: 'success',
    detail: 'exit code 0',
    exit: { code: 0 },
    policy: { restart: 'on-failure' },
  });
  assert.equal(done.summary, 'web ended with success; restart = "on-failure" does not restart it.');
});

test('a tool that opsd runs in front of a service, and that failed, is named with the keys to change', () => {
  const base = aService('web').launch;
  const told = (line: string, launch: Partial<Launch>, code = 1) =>
    why({
      state: backoff,
      from: 'running',
      reason: 'exit_code',
      detail: `exit code ${code}`,
      exit: { code },
      lines: ['earlier', line],
      service: { spec: { ...aService('web'), launch: { ...base, ...launch } } },
    });
  const limits = { ...base.limits, nofile: 900, core: 0 };
  const refused = 'prlimit: failed to set the NOFILE resource limit: Operation not permitted';
  const { summary, evidence, commands } = told(refused, { limits });
  const failed = 'which opsd runs in front of it, could not do what is asked for: change';
  assert.equal(summary, `web failed: exit code 1; prlimit, ${failed} services.web.limits.nofile.`);
  assert.deepEqual(evidence.find(({ label }) => label === 'its output says')?.text, refused);
  assert.ok(commands.includes('opsd check'));

  const rows: [string, Partial<Launch>, number, string | null][] = [
    [
      '16:00 prlimit: die Grenze ist nicht erlaubt',
      { limits },
      1,
      'prlimit, services.web.limits.nofile or services.web.limits.core',
    ],
    [
      '/usr/bin/ionice: ioprio_set failed: …',
      { ionice: { class: 'realtime', level: 0 } },
      1,
      'ionice, services.web.ionice',
    ],
    ['setpriv: setresuid failed: …', { user: 'web', capabilities: [] }, 127, 'setpriv, services.web.user'],
    ['setpriv: apply capabilities: …', { user: 'web', capabilities: [] }, 127, 'setpriv, services.web.capabilities'],
    // The service calls such a tool itself, fails in another way, or could only not be executed.
    [refused, {}, 1, null],
    [refused, { limits }, 3, null],
    ['setpriv: failed to execute web-server: Permission denied', { user: 'web', command: ['web-server'] }, 127, null],
  ];
  for (const [line, launch, code, expected] of rows) {
    const text = told(line, launch, code).summary;
    if (expected === null) assert.doesNotMatch(text, /opsd runs/, line);
    else assert.equal(text, `web failed: exit code ${code}; ${expected.replace(' ', ` ${failed} `)}.`);
  }
});

test('what ended well has no failure, however it began and whatever was before', () => {
  const generation = 3;
  const detail = 'scheduled (0 3 * * *)';
  const events = [
    { from: 'running', to: 'exited', reason: 'exit_code', detail: 'exit code 3', generation: 2 },
    { from: 'exited', to: 'starting', reason: 'schedule', detail, generation },
    { from: 'starting', to: 'running', reason: 'ready', detail: 'up and ready', generation },
    { from: 'running', to: 'exited', reason: 'success', detail: 'exit code 0', generation },
  ] as const;
  const done: Case = { state: { name: 'exited', deadline: null }, reason: 'success', detail: 'exit code 0', events };
  const job = { policy: { restart: 'never' }, exit: { code: 0 } } as const;
  assert.equal(why({ ...done, ...job }).summary, 'web ended with success; restart = "never" does not restart it.');
  const again = why({ ...done, state: backoff, exit: { code: 0 } });
  assert.equal(again.summary, 'web ended and will be restarted: exit code 0.');
  const starting: Case = { state: { name: 'starting', deadline: null, run: newRun() }, reason: 'schedule', detail };
  assert.equal(why({ ...starting, events: events.slice(1, 2) }).summary, `web is starting (${detail}).`);
  const next = { ...events[1], generation: 4 };
  assert.equal(why({ ...starting, events: [...events, next] }).summary, `web is starting (${detail}).`);
});

test('what comes next: a job has its schedule, and what waits for good nothing', () => {
  const exited: Case = { state: { name: 'exited', deadline: null }, reason: 'success', detail: 'exit code 0' };
  const at = new Date(Date.now() + 60_000).toISOString();
  const job = why({ ...exited, view: { next_attempt_at: at } });
  assert.deepEqual([job.next, job.next_at], ['it is started by its schedule', at]);
  const state = { name: 'waiting', deadline: null, for: 'db (failed)', on: 'db', isUnsatisfiable: true } as const;
  const stuck = why({ state, reason: 'boot', detail: 'waits for db (failed)' });
  assert.deepEqual(
    [stuck.next, stuck.next_at],
    ['nothing: it waits for db (failed), and starts when that is up', null],
  );
});

test('the last words of a healthy service are no findings', () => {
  const told = why({
    state: { name: 'running', deadline: null, run: newRun() },
    reason: 'ready',
    detail: 'up and ready',
    lines: ['connection refused by peer, retrying'],
    view: UP,
  });
  assert.equal(shown(told, 'its output says'), undefined);
  assert.deepEqual(told.last_lines, ['connection refused by peer, retrying']);
});

test('words of many languages are understood, and gigantic lines do not matter', () => {
  const rows: [string, RegExp][] = [
    ['bind: Address already in use', /port/],
    ['java.lang.OutOfMemoryError: Java heap space', /memory/],
    ['dial tcp 10.0.0.1:5432: connect: connection refused', /does not answer/],
    ['getaddrinfo ENOTFOUND db.example', /does not resolve/],
    ["ModuleNotFoundError: No module named 'flask'", /not installed/],
    ['sh: 1: nodee: not found', /command it calls/],
    ['thread main panicked at src/main.rs:1', /nobody caught/],
    ['open /etc/x: permission denied', /permission/],
  ];
  for (const [line, meaning] of rows) assert.match(findingIn(['first', line, 'last'])?.meaning ?? '', meaning, line);
  assert.equal(findingIn(['all is well']), null);
  assert.equal(findingIn(['x'.repeat(10_000_000)]), null);
});

function newRun() {
  return {
    generation: 3,
    step: 'main' as const,
    hookEndsAt: null,
    pid: 4711,
    startedAt: now,
    overslept: 0,
    readyAt: now,
    isAdopted: false,
    beat: { at: null, lostAt: null, lookAt: null },
    check: { askAt: null, failures: 0, successes: 0, isHealthy: null, lastFailure: null, hasWritten: false },
  };
}
