// Reads event hooks, the programs and webhooks that are told of transitions ([[daemon.on_event]]), and their secrets.

import type { EventHook, Occasion } from '../../core/model/config.ts';
import type { Millis } from '../../core/model/spec.ts';
import { STATES } from '../../core/model/states.ts';
import { meansService } from '../../text/glob.ts';
import { nearest } from '../../text/nearest.ts';
import { formatDuration, parseDuration, type Reading } from '../../text/units.ts';

const OCCASIONS: readonly Occasion[] = ['recovered', 'unhealthy', 'healthy', ...STATES];
const HOOK_KEYS = ['name', 'when', 'services', 'exec', 'webhook', 'headers', 'timeout'];
const SECRET_KEYS = ['webhook', 'headers'];
const MOST_HOOKS = 32;
const MOST_HEADERS = 32;
const TIMEOUT: Millis = 10_000;
const SHORTEST: Millis = 100;
const LONGEST: Millis = 300_000;

/** An event hook as written; its URL and headers may be in on_event_secrets instead. */
interface WrittenHook extends Omit<EventHook, 'target'> {
  readonly exec: readonly [string, ...string[]] | null;
  readonly webhook: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

type HookSecrets = Readonly<Record<string, Pick<WrittenHook, 'webhook' | 'headers'>>>;

export const ON_EVENT_JSON = {
  type: 'array',
  maxItems: MOST_HOOKS,
  items: {
    type: 'object',
    required: ['when'],
    additionalProperties: false,
    properties: {
      name: { type: 'string', description: 'For the log, and for on_event_secrets. Default: hook-1, hook-2, …' },
      when: {
        type: 'array',
        items: { enum: OCCASIONS },
        minItems: 1,
        description:
          'States that a service comes to; recovered: running for stable_after again, after failed or backoff; unhealthy and healthy: by its health probe.',
      },
      services: { type: 'array', items: { type: 'string' }, default: ['*'], description: 'Names and globs.' },
      exec: {
        type: 'array',
        items: { type: 'string' },
        minItems: 1,
        description: 'Command; it finds the event as JSON on stdin and in OPSD_… variables.',
      },
      webhook: { type: 'string', description: 'URL that gets the event as JSON by POST.' },
      headers: { type: 'object', additionalProperties: { type: 'string' }, description: 'More headers for it.' },
      timeout: { type: 'string', default: '10s', description: 'For one attempt.' },
    },
  },
};

export const ON_EVENT_SECRETS_JSON = {
  type: 'object',
  additionalProperties: {
    type: 'object',
    additionalProperties: false,
    properties: { webhook: { type: 'string' }, headers: { type: 'object', additionalProperties: { type: 'string' } } },
  },
};

/** Thrown for an invalid value: the message says what was expected, and gets the key and the hook in front. */
class Expected extends Error {}

export function readHooks(input: unknown): Reading<readonly WrittenHook[]> {
  return reading('hooks', () => {
    if (!Array.isArray(input)) throw new Expected('each a table: [[daemon.on_event]] on a line of its own');
    if (input.length > MOST_HOOKS) throw new Expected(`at most ${MOST_HOOKS} of them`);
    const hooks = input.map((hook: unknown, place) => within(`hook ${place + 1}`, () => readHook(hook, place)));
    const names = hooks.map(({ name }) => name);
    const twice = names.find((name, place) => names.indexOf(name) !== place);
    if (twice !== undefined) throw new Expected(`each with a name of its own, and two are called "${twice}"`);
    return hooks;
  });
}

export function readHookSecrets(input: unknown): Reading<HookSecrets> {
  return reading('a table for each hook', () => {
    const entries = Object.entries(tableIn(input)).map(([name, value]) => {
      const table = within(name, () => knownKeys(tableIn(value), SECRET_KEYS));
      return [name, within(name, () => ({ webhook: url(table.webhook), headers: headers(table.headers) }))] as const;
    });
    return Object.fromEntries(entries);
  });
}

interface HookMistake {
  readonly key: 'on_event' | 'on_event_secrets';
  readonly message: string;
  /** Something is missing, which may be in an env.toml that could not be read. */
  readonly isAbsence: boolean;
}

/** Merges event hooks and their secrets; a hook that cannot work is left out and reported. */
export function completeHooks(
  written: readonly WrittenHook[],
  secrets: HookSecrets,
): { readonly hooks: readonly EventHook[]; readonly mistakes: readonly HookMistake[] } {
  const mistakes: HookMistake[] = [];
  const names = written.map(({ name }) => name);
  for (const name of Object.keys(secrets).filter((each) => !names.includes(each))) {
    const meant = nearest(name, names);
    const hint = meant === null ? 'give the hook this name' : `did you mean "${meant}"?`;
    const message = `there is no hook named "${name}"; ${hint}`;
    mistakes.push({ key: 'on_event_secrets', message, isAbsence: true });
  }
  const hooks = written.flatMap(({ exec, webhook, headers: own, ...hook }): EventHook[] => {
    const secret = secrets[hook.name];
    const to = secret?.webhook ?? webhook;
    if (exec !== null && to === null) return [{ ...hook, target: { kind: 'exec', command: exec } }];
    if (exec === null && to !== null) {
      return [{ ...hook, target: { kind: 'webhook', url: to, headers: { ...own, ...secret?.headers } } }];
    }
    const message = `${hook.name} needs either exec or webhook, and has ${exec === null ? 'neither' : 'both'}`;
    mistakes.push({ key: 'on_event', message, isAbsence: exec === null });
    return [];
  });
  return { hooks, mistakes };
}

/** A sentence for each pattern in `services` that matches no service. */
export function idlePatterns(hooks: readonly EventHook[], services: Iterable<string>): readonly string[] {
  const names = [...services];
  return hooks.flatMap(({ name, services: patterns }) =>
    patterns
      .filter((pattern) => pattern !== '*' && !names.some((service) => meansService(service, pattern)))
      .map((pattern) => `no service fits "${pattern}" of ${name}; correct it`),
  );
}

/** One line for `opsd config`. The path of a URL is not shown: with many receivers it is the credential. */
export function describeHook({ name, when, services, target, timeout }: EventHook): string {
  const to = target.kind === 'exec' ? target.command[0] : `POST ${new URL(target.url).origin}/…`;
  return `${name}: ${when.join(', ')} of ${services.join(', ')}: ${to} (${formatDuration(timeout)})`;
}

function readHook(input: unknown, place: number): WrittenHook {
  const table = knownKeys(tableIn(input), HOOK_KEYS);
  const { name = `hook-${place + 1}`, services = ['*'] } = table;
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) throw new Expected('name: letters, digits, _ - .');
  return {
    name,
    when: within('when', () => texts(table.when).map(occasion)),
    services: within('services', () => texts(services)),
    exec: table.exec === undefined ? null : within('exec', () => texts(table.exec)),
    webhook: url(table.webhook),
    headers: headers(table.headers),
    timeout: table.timeout === undefined ? TIMEOUT : within('timeout', () => timeoutIn(table.timeout)),
  };
}

function occasion(text: string): Occasion {
  const found = OCCASIONS.find((each) => each === text);
  if (found === undefined) throw new Expected(`of ${OCCASIONS.join(', ')}`);
  return found;
}

function url(input: unknown): string | null {
  if (input === undefined) return null;
  if (typeof input === 'string' && /^https?:\/\//.test(input) && URL.canParse(input)) return input;
  throw new Expected('webhook: a URL with https:// or http:// in front');
}

/** Header fields of RFC 9110, without those that frame the message. */
function headers(input: unknown): Readonly<Record<string, string>> {
  if (input === undefined) return {};
  const entries = Object.entries(within('headers', () => tableIn(input)));
  const isFine = ([name, value]: readonly [string, unknown]) =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) &&
    !/^(content-length|transfer-encoding|connection|host)$/i.test(name) &&
    typeof value === 'string' &&
    /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
  if (entries.length > MOST_HEADERS || !entries.every(isFine)) {
    throw new Expected(`headers: at most ${MOST_HEADERS} names and strings of HTTP, not its framing`);
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

function timeoutIn(input: unknown): Millis {
  const read = parseDuration(input, SHORTEST);
  if (!read.ok) throw new Expected(read.expected);
  if (read.value > LONGEST) throw new Expected(`a duration of at most "${formatDuration(LONGEST)}"`);
  return read.value;
}

function texts(input: unknown): readonly [string, ...string[]] {
  const isText = (each: unknown): each is string => typeof each === 'string' && each !== '' && !each.includes('\0');
  if (Array.isArray(input) && input.every(isText)) {
    const [first, ...rest] = input;
    if (first !== undefined) return [first, ...rest];
  }
  throw new Expected('a list of strings, with one at least');
}

function tableIn(input: unknown): Readonly<Record<string, unknown>> {
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) return { ...input };
  throw new Expected('a table');
}

function knownKeys(table: Readonly<Record<string, unknown>>, known: readonly string[]) {
  const stranger = Object.keys(table).find((key) => !known.includes(key));
  if (stranger === undefined) return table;
  const meant = nearest(stranger, known);
  const hint = meant === null ? `the keys are ${known.join(', ')}` : `did you mean "${meant}"?`;
  throw new Expected(`no key "${stranger}"; ${hint}`);
}

function within<T>(where: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof Expected ? new Expected(`${where}: ${error.message}`) : error;
  }
}

function reading<T>(what: string, read: () => T): Reading<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof Expected) return { ok: false, expected: `${what} (${error.message})` };
    throw error;
  }
}
