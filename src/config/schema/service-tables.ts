// The rows of the tables within a service: restarts, heartbeat, output, readiness, health, hooks, rollouts.

import type { Millis, Probe } from '../../core/model/spec.ts';
import { formatDuration } from '../../text/units.ts';
import { formatAddress, readAddress, readUrl } from '../values/endpoint.ts';
import { readPattern } from '../values/pattern.ts';
import {
  choice,
  command,
  duration,
  flag,
  integer,
  number,
  optional,
  path,
  preset,
  reading,
  span,
  spanOrNone,
} from './forms.ts';
import { ofGroup, ofLaunch, ofPolicy } from './service-rows.ts';

/** "60s" is shown as "1m", as equal settings compare equal. */
export const asDuration = (span: Millis | null | undefined) =>
  span === undefined || span === null ? null : formatDuration(span);

type Asking = { readonly probe: Probe | null } | null;

/** The target of a probe, for the key of its kind. */
function asked(asking: Asking, kind: Probe['kind']): unknown {
  const probe = asking?.probe;
  if (probe?.kind !== kind) return null;
  if (probe.kind === 'http') return probe.url;
  return probe.kind === 'tcp' ? formatAddress(probe) : probe.command;
}

const statusOf = (asking: Asking) => (asking?.probe?.kind === 'http' ? asking.probe.status : null);

/** The port of a target that names none. */
const PORT = ['env', 'PORT'];

export const BACKOFF = {
  initial: ofPolicy('backoff', 'Delay before the first restart in a row.', preset(duration(), '100ms'), {
    show: ({ initial }) => asDuration(initial),
  }),
  factor: ofPolicy('backoff', 'Each further delay is this many times longer.', preset(number(1, 100), 2), {
    show: ({ factor }) => factor,
  }),
  max: ofPolicy('backoff', 'No delay is longer.', preset(duration(), '1600ms'), { show: ({ max }) => asDuration(max) }),
  jitter: ofPolicy(
    'backoff',
    'Share of the delay that is random: 0.1 spreads it over 90 % to 110 %.',
    preset(number(0, 1), 0.1),
    { show: ({ jitter }) => jitter },
  ),
};

/** On a busy host a process waits tens of milliseconds for its turn: a shorter silence proves nothing. */
const SHORTEST_HEARTBEAT: Millis = 100;

export const HEARTBEAT = {
  timeout: ofPolicy(
    'heartbeat',
    'The service has failed when its heartbeat file did not change for this long, "100ms" at least. "0s": no heartbeat.',
    preset(spanOrNone(SHORTEST_HEARTBEAT), '30s'),
    { show: (heartbeat) => asDuration(heartbeat?.timeout) },
  ),
  grace: ofPolicy(
    'heartbeat',
    'How long after the start the first beat may take. Default: as timeout.',
    optional(span()),
    { show: (heartbeat) => asDuration(heartbeat?.grace), madeFrom: ['heartbeat', 'timeout'] },
  ),
  file: ofLaunch(
    'heartbeatFile',
    'The file, relative to cwd. Default: ./tmp/<service>.heartbeat. Its folder is made with the rights of the service; the service finds the file in OPSD_HEARTBEAT_FILE.',
    optional(path()),
    { madeFrom: ['cwd'], alone: 'folder' },
  ),
};

export const LOG = {
  mode: ofLaunch(
    'log',
    'Where the output goes. capture: through opsd into ./log/<service>.log. direct: the service writes the file itself. syslog, journal, inherit (the output of opsd; of a service of another user through opsd, with its name in front), none.',
    preset(choice(['capture', 'direct', 'syslog', 'journal', 'inherit', 'none']), 'capture'),
  ),
  timestamps: ofPolicy('timestamps', 'Put the time in front of each line (capture only).', preset(flag(), false)),
};

const url = () => reading({ title: 'URL or port', type: ['string', 'integer'] }, readUrl);
const address = () => reading({ title: 'address or port', type: ['string', 'integer'] }, readAddress);
const status = () => optional(integer(100, 599));

export const READY = {
  on: ofPolicy(
    'ready',
    'heartbeat: at the first beat. delay: after being up for `delay`. http, tcp, exec: when `url`, `address` or `command` says yes. log: at a line that matches `pattern`. fd: at a newline on the descriptor OPSD_NOTIFY_FD.',
    choice(['heartbeat', 'delay', 'http', 'tcp', 'exec', 'log', 'fd']),
    { show: (ready) => ready?.on ?? null },
  ),
  timeout: ofPolicy('ready', 'Not ready after this long is a failure.', preset(span(), '60s'), {
    show: (ready) => asDuration(ready?.timeout),
  }),
  delay: ofPolicy('ready', 'For on = "delay": how long it has to stay up.', preset(span(), '1s'), {
    show: (ready) => (ready?.on === 'delay' ? asDuration(ready.delay) : null),
  }),
  url: ofPolicy(
    'ready',
    'For "http". A port alone, or `:PORT/path`, is one of 127.0.0.1; a `/path` that of PORT in env. Default path: /.well-known/live.',
    optional(url()),
    { show: (ready) => asked(ready, 'http'), madeFrom: PORT, alone: 'target' },
  ),
  status: ofPolicy('ready', 'For "http": the status that is a yes. Default: any from 200 to 399.', status(), {
    show: statusOf,
  }),
  address: ofPolicy(
    'ready',
    'For "tcp": `host:port`; a port alone is one of 127.0.0.1. Default: PORT in env.',
    optional(address()),
    { show: (ready) => asked(ready, 'tcp'), madeFrom: PORT, alone: 'target' },
  ),
  command: ofPolicy(
    'ready',
    'For "exec": exit code 0 is a yes. It runs as the service does, but without its `wrapper`.',
    optional(command()),
    {
      show: (ready) => asked(ready, 'exec'),
    },
  ),
  pattern: ofPolicy(
    'ready',
    'For "log": a regular expression (JavaScript), without lookarounds and backreferences, for a line without its colours, or an unfinished line such as a prompt. Needs log = "capture".',
    optional(reading({ title: 'regular expression', type: 'string' }, readPattern)),
    { show: (ready) => ready?.pattern ?? null },
  ),
  interval: ofPolicy('ready', 'For "http", "tcp", "exec": pause between two questions.', preset(span(), '500ms'), {
    show: (ready) => (ready?.probe ? asDuration(ready.interval) : null),
  }),
};

export const HEALTH = {
  http: ofPolicy(
    'health',
    'URL to ask, in the forms of ready.url. Exactly one of http, tcp and exec.',
    optional(url()),
    { show: (health) => asked(health, 'http'), madeFrom: PORT, alone: 'target' },
  ),
  tcp: ofPolicy('health', 'Address to connect to, in the forms of ready.address.', optional(address()), {
    show: (health) => asked(health, 'tcp'),
    alone: 'target',
  }),
  exec: ofPolicy(
    'health',
    'Command to run as the service does, but without its `wrapper`; exit code 0 is a yes. Killed with its children at `timeout`. `opsd ctl why` shows what it wrote last.',
    optional(command()),
    { show: (health) => asked(health, 'exec') },
  ),
  status: ofPolicy('health', 'For http: the status that is a yes. Default: any from 200 to 399.', status(), {
    show: statusOf,
  }),
  interval: ofPolicy(
    'health',
    'Pause between an answer and the next question, spread by 10 %.',
    preset(span(), '10s'),
    { show: (health) => asDuration(health?.interval) },
  ),
  timeout: ofPolicy('health', 'No answer after that long is a no.', preset(span(), '2s'), {
    show: (health) => asDuration(health?.timeout),
  }),
  failures: ofPolicy(
    'health',
    'So many failed probes in a row make the service unhealthy.',
    preset(integer(1, 1000), 3),
    {
      show: (health) => health?.failures ?? null,
    },
  ),
  successes: ofPolicy('health', 'That many yeses in a row: healthy again.', preset(integer(1, 1000), 1), {
    show: (health) => health?.successes ?? null,
  }),
  on_failure: ofPolicy(
    'health',
    'When it is not healthy: restart it, or only mark it so in status and metrics.',
    preset(choice(['restart', 'mark']), 'restart'),
    { show: (health) => health?.onFailure ?? null },
  ),
};

const hook = <F extends 'beforeStart' | 'afterStop'>(field: F) => ({
  command: ofPolicy(field, 'What to run, without the `wrapper` of the service.', command(), {
    show: (hook) => hook?.command ?? null,
  }),
  timeout: ofPolicy(field, 'Not ended after that: killed, and failed.', preset(span(), '30s'), {
    show: (hook) => asDuration(hook?.timeout),
  }),
});
export const BEFORE_START = hook('beforeStart');
export const AFTER_STOP = hook('afterStop');

/** More surge instances than that would be a second service. */
const MOST_STAND_INS = 100;

export const ROLLOUT = {
  max_unavailable: ofGroup('So many may be down at a time.', preset(integer(0, 1000), 1)),
  max_surge: ofGroup(
    'The number of surge instances (web@5 beside four): an old instance stops only when they are ready.',
    preset(integer(0, MOST_STAND_INS), 0),
  ),
  on_failure: ofGroup(
    'When a new one does not get ready: stop and leave the rest as it is, or go back to what was.',
    preset(choice(['stop', 'rollback']), 'stop'),
  ),
};
