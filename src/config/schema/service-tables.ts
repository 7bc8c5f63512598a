// The tables within a service: restarts, heartbeat, output, readiness, health, hooks, limits.

import type { Millis } from '../../core/model/spec.ts';
import { readAddress, readUrl } from '../values/endpoint.ts';
import { readPattern } from '../values/pattern.ts';
import { readCoreLimit, readCpuShare } from '../values/privileges.ts';
import {
  choice,
  command,
  described,
  duration,
  flag,
  integer,
  number,
  optional,
  path,
  preset,
  reading,
  size,
  span,
  spanOrNone,
} from './forms.ts';

export const BACKOFF = {
  initial: described('Delay before the first restart in a row.', preset(duration(), '100ms')),
  factor: described('Each further delay is this many times longer.', preset(number(1, 100), 2)),
  max: described('No delay is longer.', preset(duration(), '1600ms')),
  jitter: described('Share of the delay that is random: 0.1 spreads it over 90 % to 110 %.', preset(number(0, 1), 0.1)),
};

/** On a busy host a process waits tens of milliseconds for its turn: a shorter silence proves nothing. */
const SHORTEST_HEARTBEAT: Millis = 100;

export const HEARTBEAT = {
  timeout: described(
    'The service has failed when its heartbeat file did not change for this long, "100ms" at least. "0s": no heartbeat.',
    preset(spanOrNone(SHORTEST_HEARTBEAT), '30s'),
  ),
  grace: described('How long after the start the first beat may take. Default: as timeout.', optional(span())),
  file: described(
    'The file, relative to cwd. Default: ./tmp/<service>.heartbeat. The service finds it in OPSD_HEARTBEAT_FILE.',
    optional(path()),
  ),
};

export const LOG = {
  mode: described(
    'Where the output goes. capture: through opsd into ./log/<service>.log. direct: the service writes the file itself. syslog, journal, inherit (the output of opsd), none.',
    preset(choice(['capture', 'direct', 'syslog', 'journal', 'inherit', 'none']), 'capture'),
  ),
  timestamps: described('Put the time in front of each line (capture only).', preset(flag(), false)),
};

const url = () => reading({ title: 'URL or port', type: ['string', 'integer'] }, readUrl);
const address = () => reading({ title: 'address or port', type: ['string', 'integer'] }, readAddress);
const status = () => optional(integer(100, 599));

export const READY = {
  on: described(
    'heartbeat: at the first beat. delay: after being up for `delay`. http, tcp, exec: when `url`, `address` or `command` says yes. log: at a line that matches `pattern`. fd: at a newline on the descriptor OPSD_NOTIFY_FD.',
    choice(['heartbeat', 'delay', 'http', 'tcp', 'exec', 'log', 'fd']),
  ),
  timeout: described('Not ready after this long is a failure.', preset(span(), '60s')),
  delay: described('For on = "delay": how long it has to stay up.', preset(span(), '1s')),
  url: described(
    'For "http". A port alone, or `:PORT/path`, is one of 127.0.0.1; a `/path` that of PORT in env. Default path: /.well-known/live.',
    optional(url()),
  ),
  status: described('For "http": the status that is a yes. Default: any from 200 to 399.', status()),
  address: described(
    'For "tcp": `host:port`; a port alone is one of 127.0.0.1. Default: PORT in env.',
    optional(address()),
  ),
  command: described('For "exec": exit code 0 is a yes.', optional(command())),
  pattern: described(
    'For "log": a regular expression (JavaScript), without lookarounds and backreferences. Needs log = "capture".',
    optional(reading({ title: 'regular expression', type: 'string' }, readPattern)),
  ),
  interval: described('For "http", "tcp", "exec": pause between two questions.', preset(span(), '500ms')),
};

export const HEALTH = {
  http: described('URL to ask, in the forms of ready.url. Exactly one of http, tcp and exec.', optional(url())),
  tcp: described('Address to connect to, in the forms of ready.address.', optional(address())),
  exec: described('Command to run; exit code 0 is a yes. Killed with its children at `timeout`.', optional(command())),
  status: described('For http: the status that is a yes. Default: any from 200 to 399.', status()),
  interval: described('Pause between an answer and the next question, spread by 10 %.', preset(span(), '10s')),
  timeout: described('No answer after that long is a no.', preset(span(), '2s')),
  failures: described('That many noes in a row: not healthy.', preset(integer(1, 1000), 3)),
  successes: described('That many yeses in a row: healthy again.', preset(integer(1, 1000), 1)),
  on_failure: described(
    'When it is not healthy: restart it, or only mark it so in status and metrics.',
    preset(choice(['restart', 'mark']), 'restart'),
  ),
};

export const HOOK = {
  command: described('What to run.', command()),
  timeout: described('Not ended after that: killed, and failed.', preset(span(), '30s')),
};

/** More stand-ins than that would be a second service. */
const MOST_STAND_INS = 100;

export const ROLLOUT = {
  max_unavailable: described('So many may be down at a time.', preset(integer(0, 1000), 1)),
  max_surge: described(
    'So many stand-ins (web@5 beside four) run meanwhile: no old one is asked to go before they are ready.',
    preset(integer(0, MOST_STAND_INS), 0),
  ),
  on_failure: described(
    'When a new one does not get ready: stop and leave the rest as it is, or go back to what was.',
    preset(choice(['stop', 'rollback']), 'stop'),
  ),
};

/** The smallest that a process can start with. */
const LEAST_MEMORY = 1024 ** 2;

export const LIMITS = {
  nofile: described(
    'Open files (RLIMIT_NOFILE). Default: as opsd was started with.',
    optional(integer(3, 1_073_741_816)),
  ),
  core: described(
    'Size of a core file (RLIMIT_CORE): "0" for none, or "unlimited".',
    optional(reading({ title: 'size', type: ['string', 'integer'], examples: ['0', 'unlimited'] }, readCoreLimit)),
  ),
  memory: described(
    'Memory of the whole tree. Its cgroup enforces it; without one opsd watches it, and restarts the service.',
    optional(size(LEAST_MEMORY)),
  ),
  memory_high: described(
    'More than that makes it slow (cgroup only, as are the next ones).',
    optional(size(LEAST_MEMORY)),
  ),
  cpu: described(
    'Share of one CPU: "150%" is one and a half.',
    optional(reading({ title: 'percentage', type: 'string', pattern: '^\\d+(\\.\\d+)?%$' }, readCpuShare)),
  ),
  tasks: described('Processes and threads.', optional(integer(1, 4_194_304))),
  io_weight: described('Share of the disks: from 1 to 10000, where 100 is usual.', optional(integer(1, 10_000))),
};
