// What a service may use and may do: limits, priorities, privileges, a wrapper.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Privileges } from '../../src/config/check/host-facts.ts';
import { ALL_POWERS, assertOnly, linesOf, load, NO_POWERS, problemsOf, serviceOf } from './loading.ts';

const WEB = '[services.web]\ncommand = ["true"]\n';
const launchOf = (text: string) => serviceOf(`${WEB}${text}\n`).launch;

test('every limit is read, and printed so that it is read again', () => {
  const text =
    'limits = { nofile = 65536, core = "0", memory = "1.5G", memory_high = "1G", cpu = "150%", tasks = 256, io_weight = 50 }';
  const { launch, effective } = serviceOf(`${WEB}${text}\n`);
  assert.deepEqual(launch.limits, {
    ...{ nofile: 65_536, core: 0, memory: 1536 * 1024 ** 2, memoryHigh: 1024 ** 3 },
    ...{ cpu: 1.5, tasks: 256, ioWeight: 50 },
  });
  const printed = [...effective].filter(([key]) => key.startsWith('limits.')).map(([, { value }]) => value);
  assert.deepEqual(printed, ['65536', '"0"', '"1536M"', '"1G"', '"150%"', '256', '50']);
  assert.deepEqual(launchOf('limits = { core = "unlimited" }').limits.core, 'unlimited');
  assert.deepEqual(launchOf('limits = { core = "100M" }').limits.core, 100 * 1024 ** 2);
  assert.deepEqual(Object.values(launchOf('').limits), Array(7).fill(null));
});

test('priorities and privileges are read in all their forms', () => {
  assert.deepEqual(launchOf('ionice = "idle"').ionice, { class: 'idle', level: null });
  assert.deepEqual(launchOf('ionice = "best-effort"').ionice, { class: 'best-effort', level: 4 });
  assert.deepEqual(launchOf('ionice = "realtime:0"').ionice, { class: 'realtime', level: 0 });
  assert.equal(launchOf('no_new_privileges = true').noNewPrivileges, true);
  const names = '["net_bind_service", "CAP_CHOWN", "cap_net_bind_service"]';
  assert.deepEqual(launchOf(`capabilities = ${names}`).capabilities, ['CAP_CHOWN', 'CAP_NET_BIND_SERVICE']);
  assert.deepEqual(launchOf('capabilities = []').capabilities, []);
  assert.deepEqual(launchOf('wrapper = "bwrap --dev /dev"').wrapper, ['bwrap', '--dev', '/dev']);
  const { ionice, noNewPrivileges, capabilities, wrapper } = launchOf('');
  assert.deepEqual([ionice, noNewPrivileges, capabilities, wrapper], [null, false, null, []]);
});

test('wrong values are told with a remedy', () => {
  const rows: readonly (readonly [line: string, key: string, message: RegExp])[] = [
    ['limits = { memory = 512 }', 'limits.memory', /^expected a size such as "512M" .*, got 512$/],
    ['limits = { memory = "1K" }', 'limits.memory', /at least "1M"/],
    ['limits = { memory = "1G", memory_high = "2G" }', 'limits.memory_high', /more than limits\.memory.*lower it/],
    ['limits = { mem = "1G" }', 'limits.mem', /the keys here are core, cpu, io_weight, memory/],
    ['limits = { memroy = "1G" }', 'limits.memroy', /did you mean "memory"/],
    ['limits = { cpu = 1.5 }', 'limits.cpu', /a share of one CPU such as "150%", got 1\.5/],
    ['limits = { cpu = "0%" }', 'limits.cpu', /at least "1%"/],
    ['limits = { nofile = 1 }', 'limits.nofile', /from 3/],
    ['limits = { tasks = 0 }', 'limits.tasks', /from 1/],
    ['limits = { io_weight = 10001 }', 'limits.io_weight', /from 1 to 10000/],
    ['limits = { core = "max" }', 'limits.core', /"0" for no core file/],
    ['ionice = "idle:3"', 'ionice', /"idle", "best-effort" or "realtime"/],
    ['ionice = "best-efort"', 'ionice', /did you mean "best-effort"/],
    ['capabilities = ["CAP_NET_BIND"]', 'capabilities', /a list of capabilities/],
    ['capabilities = ["CAP_CHWON"]', 'capabilities', /did you mean "CAP_CHOWN"/],
    ['wrapper = []', 'wrapper', /not empty/],
    ['no_new_priviliges = true', 'no_new_priviliges', /did you mean "no_new_privileges"/],
  ];
  for (const [line, key, message] of rows) {
    assertOnly(problemsOf(`${WEB}${line}\n`), `config.toml:3 services.web.${key}`, message);
  }
});

test('what this machine cannot give is told before anything starts', () => {
  const capacity = () => ({ memory: 1024 ** 3, cpus: 2 });
  const facts = { capacity, hasCgroups: () => false };
  const warnings = (line: string) => linesOf(load({ base: `${WEB}${line}\n`, facts }).warnings).join('\n');
  assert.match(warnings('limits = { memory = "2G" }'), /limits\.memory is more than this host has \(1G\); lower it$/);
  assert.match(warnings('limits = { cpu = "300%" }'), /more than this host has \(200%\)/);
  assert.match(warnings('limits = { tasks = 5 }'), /limits\.tasks needs cgroups .*not enforced$/);
  assert.equal(warnings('limits = { memory = "1G", nofile = 1000 }'), '', 'opsd itself watches memory');
});

test('a limit above the hard one of opsd is a problem, whoever opsd is, if it has no right to raise that', () => {
  const told = (limits: string, privileges: Partial<Privileges>) => {
    const facts = { privileges: () => ({ ...ALL_POWERS, ...privileges }) };
    return linesOf(problemsOf({ base: `${WEB}limits = ${limits}\n`, facts })).join('\n');
  };
  const bound = { capabilities: new Set(['CAP_CHOWN']), descriptors: 1000, coreFile: 1 << 20 };
  const place = (key: string) => `config.toml:3 services.web.limits.${key} opsd can give at most`;
  const why = 'its own hard limit, without CAP_SYS_RESOURCE; raise that limit';
  assert.equal(
    told('{ nofile = 1001 }', bound),
    `${place('nofile')} 1000 here, ${why} (LimitNOFILE= of its unit, docker run --ulimit nofile=…), or lower it`,
  );
  assert.equal(
    told('{ core = "2M" }', bound),
    `${place('core')} 1M here, ${why} (LimitCORE= of its unit, docker run --ulimit core=…), or lower it`,
  );
  assert.match(told('{ core = "unlimited" }', { ...bound, coreFile: 0 }), /at most "0" here/);
  assert.equal(told('{ nofile = 1000, core = "1M" }', bound), '');
  assert.equal(told('{ core = "unlimited" }', { coreFile: null }), '');
  assert.match(told('{ nofile = 1001 }', { descriptors: 1000 }), /at most 1000 here; raise fs\.nr_open \(sysctl\)/);
});

test('a capability that opsd cannot pass on is a problem, and so is that it cannot take others away', () => {
  const told = (text: string, privileges: Partial<Privileges>, secret?: string) => {
    const facts = { privileges: () => ({ ...ALL_POWERS, ...privileges }) };
    const texts = { base: `${WEB}${text}\n`, facts, ...(secret === undefined ? {} : { secret }) };
    return linesOf(problemsOf(texts)).join('\n');
  };
  const bounding = new Set(['CAP_CHOWN', 'CAP_SETPCAP']);
  const why = 'is not among those that opsd can give here (CapBnd in /proc/self/status); run opsd as root with it';
  assert.equal(
    told('capabilities = ["CAP_CHOWN", "CAP_SYS_NICE"]', { bounding }),
    `config.toml:3 services.web.capabilities CAP_SYS_NICE ${why} (docker run --cap-add=SYS_NICE), or remove this`,
  );
  assert.equal(told('capabilities = ["CAP_CHOWN"]', { bounding }), '');
  const secret = '[services.web]\ncapabilities = ["CAP_SYS_NICE"]\n';
  assert.match(told('', { bounding }, secret), /^env\.toml:2 services\.web\.capabilities \[redacted\] is not among/);
  assert.match(
    told('capabilities = []', { capabilities: bounding.difference(new Set(['CAP_SETPCAP'])) }),
    /no CAP_SETPCAP/,
  );
});

test('what only root can give is told to others', () => {
  const facts = { privileges: () => NO_POWERS };
  assertOnly(
    problemsOf({ base: `${WEB}capabilities = []\n`, facts }),
    'config.toml:3 services.web.capabilities',
    /only root/,
  );
});

test('I/O of the class realtime, which a start would fail with, is a problem without the right to it', () => {
  const facts = { privileges: () => NO_POWERS };
  const place = 'config.toml:3 services.web.ionice';
  const base = `${WEB}ionice = "realtime:0"\n`;
  assertOnly(
    problemsOf({ base, facts }),
    place,
    /^opsd has no CAP_SYS_NICE here, and cannot give the class realtime; run/,
  );
  for (const one of ['CAP_SYS_NICE', 'CAP_SYS_ADMIN']) {
    const enough = { privileges: () => ({ ...NO_POWERS, capabilities: new Set([one]) }) };
    assert.ok(load({ base, facts: enough }).ok);
  }
  assert.ok(load({ base: `${WEB}ionice = "best-effort:0"\n`, facts }).ok);
});

test('nice and oom_score_adj, which a start goes on without, are a warning that says so', () => {
  const facts = {
    privileges: () => ({ ...NO_POWERS, nice: { own: 5, lowest: -2 }, oomScoreAdj: { own: 200, lowest: 200 } }),
  };
  const warnings = (text: string) => linesOf(load({ base: `${WEB}${text}\n`, facts }).warnings);
  assert.deepEqual(warnings('nice = -3\noom_score_adj = 100'), [
    'config.toml:3 services.web.nice opsd has no CAP_SYS_NICE here, and can set none below -2: the service runs with 5, as opsd does; run opsd as root with it (docker run --cap-add=SYS_NICE), or remove this',
    'config.toml:4 services.web.oom_score_adj opsd has no CAP_SYS_RESOURCE here, and can set none below 200: the service runs with 200, as opsd does; run opsd as root with it (docker run --cap-add=SYS_RESOURCE), or remove this',
  ]);
  assert.deepEqual(warnings('nice = -2\noom_score_adj = 200'), []);
  assert.deepEqual(warnings(''), [], 'nobody asked for the default');
});

test('with a wrapper it is the wrapper that must be there', () => {
  const facts = { whyNotExecutable: (file: string) => `no ${file}` };
  const base = `${WEB}wrapper = ["bwrap", "--"]\n`;
  assertOnly(problemsOf({ base, facts }), 'config.toml:3 services.web.wrapper', /^no bwrap$/);
});
