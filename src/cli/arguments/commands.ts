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
const JSON_OUT: OptionSpec = { name: 'json', help: 'print JSON' };
const SOCKET: OptionSpec = {
  name: 'socket',
  value: 'PATH',
  help: 'the control socket (default: run/opsd.sock below PREFIX, which is /srv where it is not set)',
};
const NO_WAIT: OptionSpec = { name: 'no-wait', help: 'return when the order is accepted, not when it is done' };
const TIMEOUT: OptionSpec = {
  name: 'timeout',
  value: 'SPAN',
  help: 'how long to wait, such as 90s (default: 60s); opsd goes on with the order, ctl exits 2',
};
const SERVICES = '<service...>';
const SOME_SERVICES = '[service...]';
const PATTERNS = `SERVICE is a name, a glob such as 'web*' (in quotes), +TAG, or all.
Of a service with instances the name means all of them, and web@2 one.`;

export const COMMANDS: readonly CommandSpec[] = [
  { path: ['run'], operands: [], summary: 'supervise, in the foreground', options: [CONFIG] },
  {
    path: ['check'],
    operands: [],
    summary: 'print every problem of the configuration; 0 or 1',
    options: [CONFIG, { name: 'deploy', help: 'warn of what is no way to run in production, too' }],
  },
  {
    path: ['config'],
    operands: [],
    summary: 'print the effective configuration',
    options: [CONFIG, { name: 'explain', help: 'say where each value comes from' }, JSON_OUT],
  },
  { path: ['schema'], operands: [], summary: 'print the JSON Schema of config.toml', options: [] },
  ctl('status', SOME_SERVICES, 'show the services; exits 2 when one that was named is not up', [
    JSON_OUT,
    { name: 'watch', help: 'show them anew all the time' },
  ]),
  ctl('start', SERVICES, 'start services', [NO_WAIT, TIMEOUT]),
  ctl('stop', SERVICES, 'stop services, until they are started again or the host is', [
    { name: 'cascade', help: 'stop those that need them, too, and first' },
    NO_WAIT,
    TIMEOUT,
  ]),
  ctl('restart', SERVICES, 'stop and start services', [
    { name: 'rolling', help: 'instances one after the other, as their rollout says; no limit of time unless given' },
    NO_WAIT,
    TIMEOUT,
  ]),
  {
    ...ctl(
      'rollout',
      '[what] [service...]',
      'show rollouts (status), go back (undo), or try again after that (retry)',
      [
        JSON_OUT,
        NO_WAIT,
        { name: 'timeout', value: 'SPAN', help: 'wait no longer than that, such as 10m (default: until it is over)' },
      ],
    ),
    more: `WHAT is status, undo or retry. ${PATTERNS}`,
  },
  ctl('run', SERVICES, 'run jobs now, and wait until they have ended; exits 2 when one fails', [
    NO_WAIT,
    { name: 'timeout', value: 'SPAN', help: 'wait no longer than that, such as 2h (default: until they have ended)' },
  ]),
  {
    ...ctl('scale', '[service] [instances]', 'have another number of instances; without any, show them', [
      { name: 'reset', help: 'as many as the configuration says (or: scale SERVICE file)' },
      NO_WAIT,
      TIMEOUT,
      JSON_OUT,
    ]),
    more: 'The number is kept over restarts of opsd, and over reloads, until it is the one of the file.',
  },
  ctl('signal', '<signal> <service...>', 'send a signal to the main process of services', []),
  ctl('reset', SERVICES, 'forget the failures of services', []),
  {
    ...ctl('reload', '', 'read the configuration again and apply what is different', [
      { name: 'dry-run', help: 'only print what would change, key by key' },
      { name: 'allow-empty', help: 'accept a configuration without services' },
      JSON_OUT,
    ]),
  },
  ctl('logs', SOME_SERVICES, 'print what services wrote', [
    { name: 'follow', short: 'f', help: 'go on with what they write from now on' },
    { name: 'lines', short: 'n', value: 'COUNT', help: 'how many lines back (default: 100)' },
    { name: 'since', value: 'SPAN', help: 'only lines of that time, such as 10m; needs log.timestamps = true' },
  ]),
  ctl('graph', SOME_SERVICES, 'show which service needs which', [
    { name: 'dot', help: 'for Graphviz: opsd ctl graph --dot | dot -Tsvg' },
    JSON_OUT,
  ]),
  ctl('why', SERVICES, 'say why a service is as it is, what comes next, and what would help', [JSON_OUT]),
  ctl('events', SOME_SERVICES, 'print changes of state as they happen', [
    JSON_OUT,
    { name: 'lines', short: 'n', value: 'COUNT', help: 'begin with that many of the last 1,000 (default: 10)' },
    { name: 'no-follow', help: 'end after those' },
  ]),
  ctl('top', SOME_SERVICES, 'watch services on the whole terminal; sort, filter, restart and stop with a key', []),
  ctl('wait', SERVICES, 'wait until services are in a state', [
    { name: 'for', value: 'STATE', help: 'running, stopped, exited, … (default: running)' },
    { name: 'timeout', value: 'SPAN', help: 'how long to wait, such as 90s (default: 60s); after that ctl exits 2' },
  ]),
  ctl('handover', '', 'end the daemon, leave the services running for the next one', [TIMEOUT]),
  ctl('shutdown', '', 'stop all services and end the daemon', [NO_WAIT, TIMEOUT]),
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
