// Every command with its options, as data: the fast parser, the help and the documents are made from it.

export interface OptionSpec {
  /** The name without the dashes. */
  readonly name: string;
  readonly short?: string;
  /** The placeholder of the value in the help; absent: the option takes no value. */
  readonly value?: string;
  readonly help: string;
}

export interface CommandSpec {
  /** `['ctl', 'status']` */
  readonly path: readonly string[];
  /** In the notation of commander: `<x>` is required, `[x]` optional, `...` may repeat. */
  readonly operands: readonly string[];
  readonly summary: string;
  /** Printed below the options. */
  readonly more?: string;
  readonly options: readonly OptionSpec[];
}

export interface Parsed {
  readonly command: CommandSpec;
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

const CONFIG: OptionSpec = { name: 'config', value: 'FILE', help: 'the configuration (default: cfg/config.toml)' };
const PLACE: readonly OptionSpec[] = [
  {
    name: 'config',
    value: 'FILE',
    help: 'the configuration (default: that of the installed opsd, else cfg/config.toml)',
  },
  {
    name: 'cwd',
    value: 'DIR',
    help: 'the working directory of the daemon (default: the folder above cfg); relative paths begin there',
  },
];
const JSON_OUT: OptionSpec = { name: 'json', help: 'print JSON' };
const SOCKET: OptionSpec = {
  name: 'socket',
  value: 'PATH',
  help: 'the control socket (default: run/opsd.sock below PREFIX, which is /srv where it is not set)',
};
const NO_WAIT: OptionSpec = {
  name: 'no-wait',
  help: 'return when opsd has accepted the command, without waiting for the result',
};
const WAIT: OptionSpec = {
  name: 'wait',
  help: 'also wait until they are stable (up for stable_after); exits 2 as soon as one fails',
};
const TIMEOUT: OptionSpec = {
  name: 'timeout',
  value: 'SPAN',
  help: 'how long to wait, such as 90s (default: 60s); after that ctl exits 2 and opsd carries on',
};
const SERVICES = '<service...>';
const SOME_SERVICES = '[service...]';
const PATTERNS = `SERVICE is a name, a glob such as 'web*' (in quotes), +TAG, or all.
The name of a service with instances means all of them; web@2 means one.`;

export const COMMANDS: readonly CommandSpec[] = [
  {
    path: ['run'],
    operands: [],
    summary: 'supervise the services, in the foreground',
    options: [
      CONFIG,
      {
        name: 'strict',
        help: 'start only with a configuration without problems, on a host that lacks nothing',
      },
      { name: 'stop-all', help: 'start nothing: stop the services that an earlier opsd left, and end' },
    ],
  },
  {
    path: ['check'],
    operands: [],
    summary: 'print every problem of the configuration; exits 1 if there is one',
    options: [
      ...PLACE,
      { name: 'deploy', help: 'also warn of settings that do not belong in production' },
      {
        name: 'host',
        value: 'HOW',
        help: 'warn: what this host lacks (users, programs, folders) is a warning, as for a build machine (default: refuse)',
      },
    ],
  },
  {
    path: ['config'],
    operands: [],
    summary: 'print the effective configuration',
    options: [...PLACE, { name: 'explain', help: 'show where each value comes from' }, JSON_OUT],
  },
  { path: ['schema'], operands: [], summary: 'print the JSON Schema of config.toml', options: [] },
  ctl('status', SOME_SERVICES, 'show the services; exits 2 when a named service is not running', [
    JSON_OUT,
    { name: 'watch', help: 'refresh every second' },
  ]),
  ctl('start', SERVICES, 'start services', [WAIT, NO_WAIT, TIMEOUT]),
  ctl('stop', SERVICES, 'stop services; they stay stopped until they are started, or the host reboots', [
    { name: 'cascade', help: 'also stop the services that depend on them, first' },
    NO_WAIT,
    TIMEOUT,
  ]),
  ctl('restart', SERVICES, 'stop and start services', [
    {
      name: 'rolling',
      help: 'restart instances one after the other, by the key rollout; waits without limit unless --timeout is given',
    },
    WAIT,
    NO_WAIT,
    TIMEOUT,
  ]),
  {
    ...ctl(
      'rollout',
      '[what] [service...]',
      'show rollouts (status), roll back (undo), or try again after a rollback (retry)',
      [
        JSON_OUT,
        NO_WAIT,
        { name: 'timeout', value: 'SPAN', help: 'how long to wait, such as 10m (default: until the rollout is over)' },
      ],
    ),
    more: `WHAT is status, undo or retry. ${PATTERNS}`,
  },
  ctl('run', SERVICES, 'run jobs now, and wait until they have ended; exits 2 when one fails', [
    NO_WAIT,
    { name: 'timeout', value: 'SPAN', help: 'how long to wait, such as 2h (default: until the jobs have ended)' },
  ]),
  {
    ...ctl('scale', '[service] [instances]', 'set the number of instances of a service; without a number, show it', [
      { name: 'reset', help: 'return to the number in the configuration (or: scale SERVICE file)' },
      NO_WAIT,
      TIMEOUT,
      JSON_OUT,
    ]),
    more: 'The number survives restarts of opsd and reloads, until it equals the number in the file.',
  },
  ctl('signal', '<signal> <service...>', 'send a signal to the main process of services', []),
  ctl('reset', SERVICES, 'forget the failures of services', []),
  {
    ...ctl('reload', '', 'read the configuration again and apply the changes', [
      { name: 'dry-run', help: 'only print what would change, key by key' },
      { name: 'allow-empty', help: 'accept a configuration without services' },
      {
        name: 'wait',
        help: 'wait until what it starts is stable (up for stable_after) and rollouts are over; exits 2 as soon as one fails',
      },
      TIMEOUT,
      JSON_OUT,
    ]),
  },
  ctl('logs', SOME_SERVICES, 'print the output of services', [
    { name: 'follow', short: 'f', help: 'keep printing new lines as they are written' },
    { name: 'lines', short: 'n', value: 'COUNT', help: 'the number of lines to begin with (default: 100)' },
    {
      name: 'since',
      value: 'SPAN',
      help: 'only lines that are newer than this, such as 10m; needs log.timestamps = true',
    },
  ]),
  ctl('graph', SOME_SERVICES, 'show the dependencies between services', [
    { name: 'dot', help: 'for Graphviz: opsd ctl graph --dot | dot -Tsvg' },
    JSON_OUT,
  ]),
  ctl('why', SERVICES, 'explain the state of services: cause, evidence, what opsd does next, commands that help', [
    JSON_OUT,
  ]),
  ctl('events', SOME_SERVICES, 'print changes of state as they happen', [
    JSON_OUT,
    { name: 'lines', short: 'n', value: 'COUNT', help: 'begin with this many of the last 1,000 events (default: 10)' },
    { name: 'no-follow', help: 'print these and exit' },
  ]),
  ctl(
    'top',
    SOME_SERVICES,
    'a live table of services on the whole terminal, with keys to sort, filter, start, stop and restart',
    [],
  ),
  ctl('wait', SERVICES, 'wait until services are in a state', [
    { name: 'for', value: 'STATE', help: 'running, stopped, exited, … (default: running)' },
    { name: 'timeout', value: 'SPAN', help: 'how long to wait, such as 90s (default: 60s); after that ctl exits 2' },
  ]),
  ctl('handover', '', 'end opsd, leave the services running, and wait for the next opsd', [NO_WAIT, TIMEOUT]),
  ctl('shutdown', '', 'stop all services and end opsd', [NO_WAIT, TIMEOUT]),
];

function ctl(name: string, operands: string, summary: string, options: readonly OptionSpec[]): CommandSpec {
  return {
    path: ['ctl', name],
    operands: operands === '' ? [] : operands.split(' '),
    summary,
    options: [...options, SOCKET],
    ...(operands.includes('service...') ? { more: PATTERNS } : {}),
  };
}
