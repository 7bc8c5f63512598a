// Every key of config.toml: its form, its default, its description. The only user of zod.

import * as z from 'zod/mini';
import { readAccount } from './account-name.ts';
import { readCommand } from './command.ts';
import { DEPENDENCY_STATES, readDependencies } from './dependency.ts';
import { parseListenAddress } from './listen-address.ts';
import { parseLogLevel } from './log-level.ts';
import { ON_EVENT_JSON, ON_EVENT_SECRETS_JSON, readHooks, readHookSecrets } from './on-event.ts';
import { parseStopSignal } from './signals.ts';
import { parseDuration, parseMode, type Reading } from './units.ts';

/** What JSON Schema says of a key beyond what zod knows. */
interface Notes {
  readonly description?: string;
  readonly [keyword: string]: unknown;
}

const notes = z.registry<Notes>();

function described<S extends z.core.$ZodType>(description: string, schema: S): S {
  notes.add(schema, { ...notes.get(schema), description });
  return schema;
}

/** A key whose text `read` understands; `json` is how JSON Schema puts it. */
function reading<T>(json: Notes, read: (input: unknown) => Reading<T>) {
  const transform = z.transform((input: unknown, context): T => {
    const result = read(input);
    if (result.ok) return result.value;
    context.issues.push({ code: 'custom', input, message: result.expected, params: { hint: result.hint ?? '' } });
    return z.NEVER;
  });
  const schema = z.pipe(z.unknown(), transform);
  notes.add(schema, json);
  return schema;
}

/** A default, as it would be written. It is read once and shared by all that do not say otherwise. */
function preset<T>(schema: z.ZodMiniType<T>, written: unknown) {
  const value = z.parse(schema, written);
  assertGiven(value);
  const withDefault = z._default(schema, () => value);
  notes.add(withDefault, { default: written });
  return withDefault;
}

function assertGiven<T>(value: T): asserts value is T & z.core.util.NoUndefined<T> {
  if (value === undefined) throw new Error('a default cannot be nothing');
}

const DURATION_JSON = { type: 'string', pattern: '^(\\d+(\\.\\d+)?(ms|[dhms]))+$', examples: ['30s', '1h30m'] };
const duration = () => reading(DURATION_JSON, (input) => parseDuration(input));
/** Where no time at all makes no sense. */
const span = () => reading(DURATION_JSON, (input) => parseDuration(input, 1));

const text = (expected = 'a string') => z.string({ error: expected }).check(z.minLength(1, { error: expected }));
const flag = () => z.boolean({ error: 'true or false' });
const integer = (least: number, most: number) => {
  const error = `a whole number from ${least} to ${most}`;
  return z.int({ error }).check(z.minimum(least, { error }), z.maximum(most, { error }));
};
const number = (least: number, most: number) => {
  const error = `a number from ${least} to ${most}`;
  return z.number({ error }).check(z.minimum(least, { error }), z.maximum(most, { error }));
};
const choice = <const T extends readonly string[]>(values: T) =>
  z.enum(values, { error: `one of ${values.map((value) => `"${value}"`).join(', ')}` });
const listOf = <S extends z.core.$ZodType>(element: S, expected: string) => z.array(element, { error: expected });
const table = <S extends z.core.$ZodShape>(shape: S) => z.strictObject(shape, { error: 'a table' });

const exitCodes = () => listOf(integer(0, 255), 'a list of exit codes');
const strings = (expected = 'a list of strings') => listOf(text(), expected);

const STRINGS_JSON = { type: 'array', items: { type: 'string' }, minItems: 1 };

const account = () => reading({ type: ['string', 'integer'] }, readAccount);

const BACKOFF = {
  initial: described('Delay before the first restart in a row.', preset(duration(), '100ms')),
  factor: described('Each further delay is this many times longer.', preset(number(1, 100), 2)),
  max: described('No delay is longer.', preset(duration(), '1600ms')),
  jitter: described('Share of the delay that is random: 0.1 spreads it over 90 % to 110 %.', preset(number(0, 1), 0.1)),
};

const HEARTBEAT = {
  timeout: described(
    'The service has failed when its heartbeat file did not change for this long. "0s": no heartbeat.',
    preset(duration(), '30s'),
  ),
  grace: described('How long after the start the first beat may take. Default: as timeout.', z.optional(span())),
  file: described(
    'The file, relative to cwd. Default: ./tmp/<service>.heartbeat. The service finds it in OPSD_HEARTBEAT_FILE.',
    z.optional(text('a path')),
  ),
};

const LOG = {
  mode: described(
    'Where the output goes. capture: through opsd into ./log/<service>.log. direct: the service writes the file itself. syslog, journal, inherit (the output of opsd), none.',
    preset(choice(['capture', 'direct', 'syslog', 'journal', 'inherit', 'none']), 'capture'),
  ),
  timestamps: described('Put the time in front of each line (capture only).', preset(flag(), false)),
};

const READY_ON = 'heartbeat: at the first beat. delay: after being up for `delay`.';

const READY = {
  on: described(READY_ON, choice(['heartbeat', 'delay'])),
  timeout: described('Not ready after this long is a failure.', preset(span(), '60s')),
  delay: described('For on = "delay": how long it has to stay up.', preset(span(), '1s')),
};

const READY_MEANING = 'What must happen before it counts as running. Default: nothing.';

const COMMAND = described(
  'What to run. A list is executed as it is. A string is split like a shell would, but no shell runs.',
  reading({ anyOf: [{ type: 'string' }, STRINGS_JSON] }, readCommand),
);

export const SERVICE = {
  command: COMMAND,
  cwd: described("Working directory. Default: opsd's own. A relative one starts there.", z.optional(text('a path'))),
  user: described('Run as this user, with its groups and HOME, USER, LOGNAME, SHELL.', z.optional(account())),
  group: described("Run with this group instead of the user's own.", z.optional(account())),
  umask: described(
    'Permission bits that new files do not get. Default: "022".',
    z.optional(reading({ type: 'string', pattern: '^(0o)?[0-7]{1,4}$' }, parseMode)),
  ),
  nice: described('Niceness: from -20 (served first) to 19 (served last).', preset(integer(-20, 19), 0)),
  oom_score_adj: described(
    'From -1000 (never killed for memory) to 1000 (killed first).',
    preset(integer(-1000, 1000), 0),
  ),
  env: described(
    'Environment. It is clean: PATH, LANG, TZ, what opsd adds, and these.',
    preset(z.record(z.string(), z.string({ error: 'a string' }), { error: 'a table of strings' }), {}),
  ),
  env_file: described('File with NAME=value lines, relative to cwd; `env` wins over it.', z.optional(text('a path'))),
  pass_env: described(
    "Variables of opsd's own environment that the service gets.",
    preset(strings('a list of variable names'), []),
  ),
  enabled: described('false: known, but not started at boot.', preset(flag(), true)),
  restart: described(
    'Start it again when it ends: always, on-failure, never.',
    preset(choice(['always', 'on-failure', 'never']), 'always'),
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
    preset(reading({ type: 'string' }, parseStopSignal), 'SIGTERM'),
  ),
  stop_timeout: described('Not gone after that: SIGKILL to all that is left.', preset(span(), '30s')),
  heartbeat: described(
    'A file that the service touches as long as it is well. "30s" is short for { timeout = "30s" }.',
    z.optional(table(HEARTBEAT)),
  ),
  log: described('Its output. "direct" is short for { mode = "direct" }.', preset(table(LOG), {})),
  depends_on: described(
    'Services that must be ready (or started, or completed) before this one starts; it stops before they do.',
    preset(
      reading(
        {
          anyOf: [
            { type: 'array', items: { type: 'string' } },
            { type: 'object', additionalProperties: { enum: DEPENDENCY_STATES } },
          ],
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
  ready: described(READY_MEANING, z.optional(table(READY))),
};

export const DAEMON = {
  http: described(
    'Address for the read-only HTTP server; "" turns it off.',
    preset(reading({ type: 'string' }, parseListenAddress), '127.0.0.1:9640'),
  ),
  log_level: described(
    'Level, or a filter such as "info,heartbeat=debug". OPSD_LOG in the environment wins.',
    preset(reading({ type: 'string' }, parseLogLevel), 'info'),
  ),
  log_dir: described(
    "Folder of the services' logs, relative to the working directory of opsd.",
    preset(text('a path'), './log'),
  ),
  log_format: described('text, or json: the same fields, one object a line.', preset(choice(['text', 'json']), 'text')),
  watch_config: described('Reload by itself when a configuration file changes.', preset(flag(), false)),
  start_concurrency: described('Services being started at the same time.', preset(integer(1, 1000), 8)),
  shutdown_timeout: described('The whole shutdown may take that long; then SIGKILL.', preset(span(), '30s')),
  socket_mode: described(
    'Permission bits of the control socket.',
    preset(reading({ type: 'string', pattern: '^(0o)?[0-7]{1,4}$' }, parseMode), '0600'),
  ),
  socket_group: described('Group of the control socket.', z.optional(account())),
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
]);

export const daemonSchema = table(DAEMON);
export const serviceSchema = table(SERVICE);
/** What each service has to say for itself may be left out of [defaults]. */
export const defaultsSchema = table({
  ...SERVICE,
  command: z.optional(COMMAND),
  ready: described(READY_MEANING, z.optional(table({ ...READY, on: described(READY_ON, z.optional(READY.on)) }))),
});

/** The tables of a service that have keys of their own. */
export const SERVICE_TABLES = { backoff: BACKOFF, heartbeat: HEARTBEAT, log: LOG, ready: READY };

export type DaemonValues = z.infer<typeof daemonSchema>;
export type ServiceValues = z.infer<typeof serviceSchema>;

/** The law for names: files, labels and URLs are made of them. */
export const SERVICE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export type Schema<T> = z.ZodMiniType<T>;

export interface Mistake {
  readonly path: readonly PropertyKey[];
  /** Keys at `path` that the schema does not know; if there are any, the rest says nothing. */
  readonly unknownKeys: readonly string[];
  readonly expected: string;
  readonly hint: string;
}

export type Validation<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

export function validate<T>(schema: Schema<T>, input: unknown): Validation<T> {
  const result = z.safeParse(schema, input);
  if (result.success) return { ok: true, value: result.data };
  const mistakes = result.error.issues.map((issue): Mistake => {
    const hint: unknown = issue.code === 'custom' ? issue.params?.hint : '';
    return {
      path: issue.path,
      unknownKeys: issue.code === 'unrecognized_keys' ? issue.keys : [],
      expected: issue.message,
      hint: typeof hint === 'string' ? hint : '',
    };
  });
  return { ok: false, mistakes };
}

/** JSON Schema (draft 7, which editors read) of config.toml. */
export function jsonSchema(): object {
  const root = z.strictObject({
    include: described('More files with services, relative to this one: "services.d/*.toml".', z.optional(strings())),
    daemon: z.optional(daemonSchema),
    defaults: described('Any key of a service, for all of them.', z.optional(defaultsSchema)),
    services: z.optional(z.record(z.string().check(z.regex(SERVICE_NAME)), serviceSchema)),
  });
  return z.toJSONSchema(root, {
    io: 'input',
    target: 'draft-7',
    metadata: notes,
    override({ zodSchema, jsonSchema: json, path }) {
      // zod leaves out the defaults of keys that are read into something else.
      const preset = notes.get(zodSchema)?.default;
      if (preset !== undefined) json.default = preset;
      const key = String(path.at(-1));
      const short = SHORTHANDS.get(key);
      const inner = short === undefined ? undefined : json.properties?.[short];
      if (path.at(-2) !== 'properties' || inner === undefined) return;
      const { description, default: _, ...tableForm } = { ...json };
      for (const keyword of Object.keys(json)) delete json[keyword];
      Object.assign(json, { description, default: preset, anyOf: [inner, tableForm] });
    },
  });
}
