// Checks of values that are valid and still cannot work, on this host or at all.

import type { DaemonSpec } from '../../core/model/config.ts';
import type { ServiceSpec } from '../../core/model/spec.ts';
import { LONGEST_SOCKET_PATH } from '../../text/socket-path.ts';
import { formatDuration } from '../../text/units.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings, Place } from '../report/problems.ts';
import { REDACTED, shown } from '../report/redaction.ts';
import { SERVICE_NAME } from '../schema/schema.ts';
import { doubtOnSockets } from '../values/socket-name.ts';
import { checkExitCodes } from './exit-codes.ts';
import type { Facts } from './host-facts.ts';
import { checkLimits, checkPriorities, checkPrivileges } from './limits.ts';
import { whyNoOtherUser } from './missing-privileges.ts';
import { adviseOnShell } from './shell-advice.ts';

/** `opsd` is the name of opsd's own PID file, `all` means all services in a command. */
const RESERVED_NAMES = new Set(['opsd', 'all']);

export function checkServiceName(name: string, place: Place, findings: Findings): void {
  if (RESERVED_NAMES.has(name)) findings.problem(place, `the name "${name}" is reserved; choose another one`);
  else if (name.includes('@')) {
    findings.problem(place, 'an @ is in the names of instances only; write instances = 2 to have web@1 and web@2');
  } else if (!SERVICE_NAME.test(name)) {
    const expected = 'letters, digits, "_", "-" and ".", at most 64, the first a letter or a digit';
    findings.problem(place, `expected a name of ${expected}`);
  }
}

/** `prefix`: the folder PREFIX, which has run/opsd.sock in it. */
export function checkDaemon(
  daemon: DaemonSpec,
  prefix: string,
  locate: Locate,
  facts: Facts,
  findings: Findings,
): void {
  const socket = `${prefix}/run/opsd.sock`;
  const length = new TextEncoder().encode(socket).length;
  if (length > LONGEST_SOCKET_PATH) {
    const place = { where: 'PREFIX', line: null, key: '' };
    const limit = `a path of at most ${LONGEST_SOCKET_PATH} bytes`;
    findings.problem(place, `${socket} has ${length}, and a socket needs ${limit}; choose a shorter PREFIX`);
  }
  const doubt = facts.doubtOnPrefix(prefix);
  if (doubt !== null) findings.fatal({ where: 'PREFIX', line: null, key: '' }, `${prefix} ${doubt}`);
  checkLogFolder(daemon.logDir, locate(['log_dir']), facts, findings);
  for (const { key, why } of daemon.tls === null ? [] : facts.doubtsOnTls(daemon.tls)) {
    const place = locate(['tls', key]);
    findings.warning(place, place.isSecret ? 'names a file that cannot be used; its path is secret' : why);
  }
  if (daemon.heartbeatFile !== null)
    checkHeartbeatFolder(daemon.heartbeatFile, locate(['heartbeat_file']), facts, findings);
  if (daemon.socketGroup !== null) checkGroup(daemon.socketGroup, locate(['socket_group']), null, facts, findings);
}

function checkLogFolder(logDir: string, place: Place, facts: Facts, findings: Findings): void {
  if (facts.look(logDir) === 'other') {
    const path = place.isSecret ? REDACTED : logDir;
    return findings.fatal(place, `${path} is not a directory; move it away, or choose another one`);
  }
  const doubt = facts.doubtOnFolder(logDir);
  if (doubt !== null) findings.fatal(place, place.isSecret ? `${REDACTED} can be changed by others` : doubt);
}

/** Only a warning: where others could put files in its place, or it cannot be written, opsd goes on without its heartbeat. */
function checkHeartbeatFolder(file: string, place: Place, facts: Facts, findings: Findings): void {
  const doubt = facts.doubtOnHeartbeat(file);
  const whose = 'opsd starts, and goes on without a heartbeat file of its own';
  if (doubt === null) return;
  findings.warning(place, place.isSecret ? `names a file that cannot be used: ${whose}` : `${doubt}: ${whose}`);
}

export function checkService(
  spec: ServiceSpec,
  daemon: DaemonSpec | null,
  locate: Locate,
  facts: Facts,
  findings: Findings,
): void {
  checkPolicy(spec, daemon, locate, findings);
  checkAccounts(spec, locate, facts, findings);
  checkIdentity(spec, locate, facts, findings);
  checkPrivileges(spec, locate, facts, findings);
  const pattern = spec.policy.ready?.pattern ?? null;
  if (pattern !== null && !facts.isLinear(pattern)) {
    const not = 'without lookarounds, backreferences, (?i:…) and counts as large as {1000}';
    findings.problem(locate(['ready', 'pattern']), `a line could keep opsd busy for minutes; write it ${not}`);
  }
  checkPriorities(spec, locate, facts, findings);
  checkLimits(spec, locate, facts, findings);
  checkOutput(spec, locate, facts, findings);
  const { sockets } = spec.launch;
  const known = sockets.length === 0 ? null : facts.sockets();
  const doubt = known === null ? null : doubtOnSockets(sockets, known);
  if (doubt !== null) findings.warning(locate(['sockets']), doubt);
  const isThere = checkFolder(spec, locate, facts, findings);
  if (isThere || !isRelative(spec.launch.command[0])) checkCommand(spec, locate, facts, findings);
}

/** Sockets of those who take the output. */
const TAKERS = {
  syslog: { path: '/dev/log', remedy: 'install rsyslog' },
  journal: { path: '/run/systemd/journal/stdout', remedy: 'this host has no systemd-journald' },
} as const;

function checkOutput({ launch }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  if (launch.log !== 'syslog' && launch.log !== 'journal') return;
  const { path, remedy } = TAKERS[launch.log];
  if (facts.look(path) !== 'missing') return;
  const message = `there is no ${path}, so the output would go nowhere; ${remedy}, or write log = "capture"`;
  findings.warning(locate(['log', 'mode']), message);
}

function checkPolicy(spec: ServiceSpec, daemon: DaemonSpec | null, locate: Locate, findings: Findings): void {
  const { launch, policy } = spec;
  const { backoff, ready, health, heartbeat } = policy;
  if (backoff.initial > backoff.max) {
    const quote = quoteUnlessSecret([locate(['backoff', 'initial']), locate(['backoff', 'max'])]);
    const [initial, max] = [backoff.initial, backoff.max].map((span) => quote(formatDuration(span)));
    const message = `the first delay, ${initial}, is longer than backoff.max, ${max}; exchange them`;
    findings.problem(locate(['backoff', 'initial']), message);
  }
  checkExitCodes(spec, locate, findings);
  if (ready?.on === 'heartbeat' && heartbeat === null) {
    findings.absence(locate(['ready', 'on']), 'the service has no heartbeat; add heartbeat = "30s"');
  }
  if (ready?.on === 'delay' && ready.delay >= ready.timeout) {
    findings.problem(
      locate(['ready', 'delay']),
      'is not shorter than ready.timeout: it would never be ready; raise that',
    );
  }
  if (ready?.on === 'log' && launch.log !== 'capture') {
    findings.problem(locate(['ready', 'on']), 'opsd reads the output with log = "capture" only; write that');
  }
  if (ready?.probe && ready.interval >= ready.timeout) {
    findings.problem(
      locate(['ready', 'interval']),
      'is not shorter than ready.timeout: it is asked only once; lower it',
    );
  }
  if (health !== null && health.timeout > health.interval) {
    const message = 'is longer than health.interval: an answer may take longer than the pause before the question';
    findings.warning(locate(['health', 'timeout']), `${message}; lower it`);
  }
  if (daemon !== null && policy.stopTimeout > daemon.shutdownTimeout) {
    const message = 'is longer than daemon.shutdown_timeout, which ends a shutdown of opsd with SIGKILL; raise that';
    findings.warning(locate(['stop_timeout']), message);
  }
}

/** Formats values for a message about several keys: if one of them is secret, all are hidden. */
function quoteUnlessSecret(places: readonly Place[]): (value: unknown) => string {
  const isSecret = places.some((place) => place.isSecret);
  return (value) => shown(value, isSecret);
}

function checkAccounts({ name, launch }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  if (launch.group !== null) checkGroup(launch.group, locate(['group']), name, facts, findings);
  if (launch.user === null || facts.hasUser(launch.user)) return;
  const place = locate(['user']);
  const remedy = place.isSecret ? 'adduser' : `adduser --system ${launch.user}`;
  const message = `no user ${shown(launch.user, place.isSecret)} on this host; create it (${remedy}), or correct the name`;
  findings.host(place, message, name);
}

function checkGroup(group: string, place: Place, service: string | null, facts: Facts, findings: Findings): void {
  if (facts.hasGroup(group)) return;
  const message = `no group ${shown(group, place.isSecret)} on this host; create it, or correct the name`;
  findings.host(place, message, service);
}

function checkIdentity({ name, launch }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  const why = whyNoOtherUser(facts.privileges());
  if (why !== null && launch.user !== null && !facts.isSelf(launch.user)) findings.host(locate(['user']), why, name);
  if (why !== null && launch.group !== null) findings.host(locate(['group']), why, name);
}

function checkFolder({ name, launch }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): boolean {
  const kind = facts.look(launch.cwd);
  if (kind === 'directory') return true;
  const place = locate(['cwd']);
  const path = place.isSecret ? REDACTED : launch.cwd;
  const why =
    kind === 'missing'
      ? `does not exist; mkdir -p ${path}`
      : kind === 'closed'
        ? 'cannot be reached: a folder above it may not be entered; chmod a+x that folder'
        : 'is not a directory; correct the path';
  findings.host(place, `${path} ${why}`, name);
  return false;
}

/** Whether the program is relative to cwd; a name without a slash is searched in PATH. */
function isRelative(file: string): boolean {
  return file.includes('/') && !file.startsWith('/');
}

function checkCommand({ name, launch, policy }: ServiceSpec, locate: Locate, facts: Facts, findings: Findings): void {
  const check = (path: readonly string[], file: string) => {
    const problem = facts.whyNotExecutable(file, launch.cwd, launch.env.PATH ?? null);
    if (problem === null) return;
    // The message quotes all of these.
    const isSecret = [path, ['cwd'], ['env', 'PATH']].some((key) => locate(key).isSecret);
    const message = isSecret ? `${REDACTED} cannot be executed; correct it` : problem;
    if (policy.enabled) findings.host(locate(path), message, name);
    else findings.warning(locate(path), message);
  };
  // The command of a wrapper may exist only in the root that the wrapper sets up.
  const isWrapped = launch.wrapper.length > 0;
  for (const [path, [file]] of commandsOf({ launch, policy })) {
    if (!isWrapped || path[0] !== 'command') check(path, file);
  }
  const advice = adviseOnShell(launch.command);
  if (advice !== null) findings.warning(locate(['command']), advice);
}

type Words = readonly [string, ...string[]];

/** All commands of a service with their keys: its own, the wrapper, hooks and probes. All run in its cwd with its PATH. */
export function commandsOf({
  launch,
  policy,
}: Pick<ServiceSpec, 'launch' | 'policy'>): readonly (readonly [string[], Words])[] {
  const [wrapper] = launch.wrapper;
  const found: (readonly [string[], Words])[] = [[['command'], launch.command]];
  if (wrapper !== undefined) found.push([['wrapper'], [wrapper]]);
  const { beforeStart, afterStop, ready, health } = policy;
  if (beforeStart !== null) found.push([['before_start', 'command'], beforeStart.command]);
  if (afterStop !== null) found.push([['after_stop', 'command'], afterStop.command]);
  if (ready?.probe?.kind === 'exec') found.push([['ready', 'command'], ready.probe.command]);
  if (health?.probe.kind === 'exec') found.push([['health', 'exec'], health.probe.command]);
  return found;
}
