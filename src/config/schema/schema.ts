// Every key of config.toml: its form, its default, its description.

import { DEPENDENCY_STATES, readDependencies } from '../values/dependency.ts';
import { readHttpToken } from '../values/http-token.ts';
import { parseListenAddress } from '../values/listen-address.ts';
import { COMPONENTS, parseLogLevel } from '../values/log-level.ts';
import { ON_EVENT_JSON, ON_EVENT_SECRETS_JSON, readHookSecrets, readHooks } from '../values/on-event.ts';
import { readCapabilities, readIoPriority } from '../values/privileges.ts';
import { parseStopSignal } from '../values/signals.ts';
import { readSocketNames } from '../values/socket-name.ts';
import { readTags } from '../values/tag.ts';
import { readTimezone } from '../values/timezone.ts';
import {
  account,
  choice,
  command,
  described,
  duration,
  exitCodes,
  flag,
  integer,
  mode,
  named,
  optional,
  path,
  preset,
  reading,
  type Schema,
  span,
  strings,
  table,
  tableOfStrings,
  text,
  toJsonSchema,
  usually,
  type Values,
  variableNames,
} from './forms.ts';
import { BACKOFF, HEALTH, HEARTBEAT, HOOK, LIMITS, LOG, READY, ROLLOUT } from './service-tables.ts';

const STRINGS_JSON = { type: 'array', items: { type: 'string' } };

/** More of one kind are a mistake. */
export const MOST_INSTANCES = 1000;

const READY_MEANING =
  'What must happen before it counts as running. Default: nothing. "heartbeat" is short for { on = "heartbeat" }.';

export const SERVICE = {
  command: described(
    'What to run. A list is executed as it is. A string is split like a shell would, but no shell runs.',
    command(),
  ),
  type: described(
    'simple: runs until it is stopped. oneshot: does one thing, and ends.',
    preset(choice(['simple', 'oneshot']), 'simple'),
  ),
  cwd: described("Working directory. Default: opsd's own. A relative one starts there.", optional(path())),
  user: described('Run as this user, with its groups and HOME, USER, LOGNAME, SHELL.', optional(account())),
  group: described("Run with this group instead of the user's own.", optional(account())),
  umask: described('Permission bits that new files do not get. Default: "022".', optional(mode())),
  nice: described('Niceness: from -20 (served first) to 19 (served last).', preset(integer(-20, 19), 0)),
  oom_score_adj: described(
    'From -1000 (never killed for memory) to 1000 (killed first).',
    preset(integer(-1000, 1000), 0),
  ),
  env: described('Environment. It is clean: PATH, LANG, TZ, what opsd adds, and these.', preset(tableOfStrings(), {})),
  env_file: described('File with NAME=value lines, relative to cwd; `env` wins over it.', optional(path())),
  pass_env: described("Variables of opsd's own environment that the service gets.", preset(variableNames(), [])),
  enabled: described('false: known, but not started at boot.', preset(flag(), true)),
  restart: described(
    'Start it again when it ends. Of a oneshot, and of what has a schedule, the default is "never".',
    usually(choice(['always', 'on-failure', 'never']), 'always'),
  ),
  backoff: described('Delays between restarts in a row.', preset(table(BACKOFF), {})),
  stable_after: described('Up for that long: the failures in a row are forgotten.', preset(duration(), '10s')),
  max_failures: described(
    'More failures in a row than that: CRITICAL in the log, state failed.',
    preset(integer(0, 1_000_000), 10),
  ),
  retry_failed: described('A failed service is tried again after that. "0s": never.', preset(duration(), '5m')),
  fatal_exit_codes: described('Exit codes after which it is never retried.', preset(exitCodes(), [78])),
  success_exit_codes: described('Exit codes that are no failure.', preset(exitCodes(), [0])),
  stop_signal: described(
    'Signal that asks it to stop.',
    preset(reading({ title: 'signal', type: 'string' }, parseStopSignal), 'SIGTERM'),
  ),
  stop_timeout: described('Not gone after that: SIGKILL to all that is left.', preset(span(), '30s')),
  heartbeat: described(
    'A file that the service touches as long as it is well. "30s" is short for { timeout = "30s" }.',
    optional(table(HEARTBEAT)),
  ),
  log: described('Its output. "direct" is short for { mode = "direct" }.', preset(table(LOG), {})),
  depends_on: described(
    'Services that must be ready (or started, or completed) before this one starts; it stops before they do.',
    preset(
      reading(
        {
          title: 'services',
          anyOf: [STRINGS_JSON, { type: 'object', additionalProperties: { enum: DEPENDENCY_STATES } }],
        },
        readDependencies,
      ),
      [],
    ),
  ),
  after: described(
    'Services that start before this one and stop after it, if they start or stop at all.',
    preset(strings('a list of services'), []),
  ),
  on_dependency_restart: described(
    'When something it depends on was restarted: restart it too, or keep it.',
    preset(choice(['restart', 'keep']), 'keep'),
  ),
  ready: described(READY_MEANING, optional(table(READY))),
  health: described('A question asked again and again while it runs.', optional(table(HEALTH))),
  timeout: described('A run may take that long; then it is stopped, and has failed.', optional(span())),
  schedule: described(
    'Started by the clock, not at boot: crontab(5), with seconds where there are six fields, or @daily and the like.',
    optional(text('a schedule such as "0 3 * * *"')),
  ),
  timezone: described(
    "Of the schedule: an IANA name. Default: the host's.",
    optional(reading({ type: 'string', examples: ['Europe/Berlin', 'UTC'] }, readTimezone)),
  ),
  overlap: described(
    'When its time comes while it still runs: skip it, queue one run after this one, or kill this one.',
    preset(choice(['skip', 'queue', 'kill']), 'skip'),
  ),
  random_delay: described('Start up to that much after its time.', preset(duration(), '0s')),
  catch_up: described('Run once at the start of opsd when a time was missed meanwhile.', preset(flag(), false)),
  on_failed: described(
    'When it has failed for good: keep opsd, or shut it down with the exit code of the service (containers).',
    preset(choice(['keep', 'shutdown']), 'keep'),
  ),
  before_start: described(
    'Run before each start, as the same user with the same environment; when it fails, so has the start.',
    optional(table(HOOK)),
  ),
  after_stop: described('Run when all of it is gone, however it ended.', optional(table(HOOK))),
  tags: described(
    'Words to name several services by: `opsd ctl restart +edge`.',
    preset(reading(STRINGS_JSON, readTags), []),
  ),
  instances: described(
    `That many of it, web@1, web@2 …; in its values \${instance} is the number, and \${8080 + instance} a sum with it.`,
    optional(integer(1, MOST_INSTANCES)),
  ),
  rollout: described(
    'How a change is brought to it, or to its instances, one after the other. Default: of several instances one at a time; without instances at once.',
    optional(table(ROLLOUT)),
  ),
  limits: described('What it may use at most, with all its processes.', preset(table(LIMITS), {})),
  ionice: described(
    'I/O priority: idle, best-effort:0 to best-effort:7, realtime:0 to realtime:7.',
    optional(
      reading(
        { title: 'class:level', type: 'string', pattern: '^(idle|(best-effort|realtime)(:[0-7])?)$' },
        readIoPriority,
      ),
    ),
  ),
  no_new_privileges: described('No set-user-ID program gives it more rights than it has.', preset(flag(), false)),
  capabilities: described(
    'All the capabilities it has and can ever get, such as ["CAP_NET_BIND_SERVICE"]. Default: as its user has them.',
    optional(reading(STRINGS_JSON, readCapabilities)),
  ),
  sockets: described(
    'Listening sockets of .socket units of systemd, by FileDescriptorName=: it gets them as descriptors 3, 4, … (sd_listen_fds(3)).',
    preset(reading(STRINGS_JSON, readSocketNames), []),
  ),
  wrapper: described('A command in front, which executes the service: ["bwrap", …].', optional(command())),
};

/** Relative to the working directory of opsd. */
export const TLS = {
  cert: described('Certificate and those that signed it, in PEM.', path()),
  key: described('Its key, in PEM: for root or opsd alone, mode 600.', path()),
  client_ca: described('Certificates in PEM: clients whose own is signed by one of them are let in.', optional(path())),
};

export const DAEMON = {
  http: described(
    'Address for the read-only HTTP server; "" turns it off.',
    preset(reading({ type: 'string' }, parseListenAddress), '127.0.0.1:9640'),
  ),
  tls: described(
    'The certificate for it: HTTPS instead of HTTP. The files are read again when they change.',
    optional(table(TLS)),
  ),
  http_token: described(
    'In env.toml only. Who asks over TCP has to send it (Authorization: Bearer …, or as the password of Basic), or a certificate.',
    optional(reading({ type: 'string', minLength: 16 }, readHttpToken)),
  ),
  log_level: described(
    `Level, or a filter such as "info,heartbeat=debug" (${COMPONENTS.join(', ')}). OPSD_LOG in the environment wins.`,
    preset(reading({ type: 'string' }, parseLogLevel), 'info'),
  ),
  log_dir: described(
    "Folder of the services' logs, relative to the working directory of opsd.",
    preset(path(), './log'),
  ),
  log_format: described('text, or json: the same fields, one object a line.', preset(choice(['text', 'json']), 'text')),
  watch_config: described('Reload by itself when a configuration file changes.', preset(flag(), false)),
  start_concurrency: described('Services being started at the same time.', preset(integer(1, 1000), 8)),
  shutdown_timeout: described('The whole shutdown may take that long; then SIGKILL.', preset(span(), '30s')),
  socket_mode: described('Permission bits of the control socket.', preset(mode(), '0600')),
  socket_group: described('Group of the control socket.', optional(account())),
  exit_when: described(
    'all-exited: opsd ends when no service is up or is to be.',
    preset(choice(['never', 'all-exited']), 'never'),
  ),
  page_logs: described('Show the tail of logs on the status page.', preset(flag(), false)),
  on_event: described(
    'Programs and webhooks that are told of changes of state: [[daemon.on_event]].',
    preset(reading(ON_EVENT_JSON, readHooks), []),
  ),
  on_event_secrets: described(
    'What env.toml adds to the hook of a name: webhook, headers.',
    preset(reading(ON_EVENT_SECRETS_JSON, readHookSecrets), {}),
  ),
};

/** Keys for which a single value is short for a table with this one key. */
export const SHORTHANDS: ReadonlyMap<string, string> = new Map([
  ['heartbeat', 'timeout'],
  ['log', 'mode'],
  ['ready', 'on'],
  ['before_start', 'command'],
  ['after_stop', 'command'],
]);

export const daemonSchema = table(DAEMON);
export const serviceSchema = table(SERVICE);

const inheritedHook = () => optional(table({ ...HOOK, command: optional(HOOK.command) }));
/** What each service has to say for itself may be left out of [defaults]. */
export const defaultsSchema = table({
  ...SERVICE,
  command: optional(SERVICE.command),
  ready: described(READY_MEANING, optional(table({ ...READY, on: optional(READY.on) }))),
  before_start: described('As of a service.', inheritedHook()),
  after_stop: described('As of a service.', inheritedHook()),
});

/** The tables of a service that have keys of their own. */
export const SERVICE_TABLES = {
  backoff: BACKOFF,
  heartbeat: HEARTBEAT,
  log: LOG,
  ready: READY,
  health: HEALTH,
  before_start: HOOK,
  after_stop: HOOK,
  rollout: ROLLOUT,
  limits: LIMITS,
};

export type DaemonValues = Values<typeof daemonSchema>;
export type ServiceValues = Values<typeof serviceSchema>;

/** The law for names: files, labels and URLs are made of them. */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

/** JSON Schema of config.toml. */
export function jsonSchema(): object {
  const root: Schema<unknown> = table({
    include: described('More files with services, relative to this one: "services.d/*.toml".', optional(strings())),
    daemon: optional(daemonSchema),
    defaults: described('Any key of a service, for all of them.', optional(defaultsSchema)),
    services: optional(named(SERVICE_NAME, serviceSchema)),
  });
  return toJsonSchema(root, (json, at, written) => {
    const short = SHORTHANDS.get(String(at.at(-1)));
    const inner = short === undefined ? undefined : json.properties?.[short];
    if (at.at(-2) !== 'properties' || inner === undefined) return;
    const { description, default: _, ...tableForm } = { ...json };
    for (const keyword of Object.keys(json)) delete json[keyword];
    Object.assign(json, { description, default: written, anyOf: [inner, tableForm] });
  });
}
