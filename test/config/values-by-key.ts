// What each key takes, and what is told of what it does not take: a book, made by trying the same values on all of them.

import { jsonSchema } from '../../src/config/schema/schema.ts';
import type { Entry } from '../support/book.ts';
import { load } from './loading.ts';

/** What is tried of every key, as TOML has it. */
const ALWAYS = ['1', '-1', '1.5', 'true', '[]', '["a"]', '{}', '{ a = 1 }', '""', '"x"', '"a\\u0000b"'];

/** What is tried of keys of a form (`title` or kind in the JSON Schema): the borders of what is right, and likely mistakes. */
const OF_FORM: Readonly<Record<string, readonly string[]>> = {
  duration: ['"0s"', '"1ms"', '"99ms"', '"100ms"', '"60s"', '"-1s"', '"3650d"', '"3651d"', '"10"', '"1y"'],
  size: ['"100"', '"4095"', '"4096"', '"100M"', '"1.5G"', '"99999T"', '"-1M"'],
  path: ['"~/x"', '"~web/x"', '"./~"', '"a/../b"'],
  octal: ['"0"', '"022"', '"0o640"', '"7777"', '"77777"', '"0888"', '22'],
  command: ['"a b"', '"a | b"', '"a $HOME"', '"PORT=1 a"', `"a 'b"`, '"a \\"b\\" c"', '["a", ""]', '[""]', '["a", 1]'],
  'name or number': ['0', '"1"', '"a b"', '"-x"', '70000', '4294967296', '"web"'],
  signal: ['"INT"', '"sigterm"', '"15"', '9', '"KILL"', '"STOP"', '"SIGTREM"', '"RTMIN+1"'],
  'URL or port': [
    '80',
    '0',
    '70000',
    '":80/x"',
    '"/x"',
    '"http://h/x"',
    '"ftp://x"',
    '"http://"',
    '":70000"',
    '"h:80"',
  ],
  'address or port': ['80', '0', '70000', '":80"', '"h:80"', '"[::1]:80"', '"[::1"', '"h:0"', '"h"', '"http://h:80"'],
  'regular expression': ['"a+"', '"("', '"^(?=a)"'],
  boolean: ['false', '"true"', '"yes"', '0'],
  list: ['["a", "a"]', '["a b"]', '[1]', '[""]', '["web"]', '["other"]', '{ other = "ready" }', '{ other = "up" }'],
  codes: ['[0, 255]', '[256]', '[-1]', '["SIGSEGV"]', '["SIGSEG"]', '[1, 1]'],
  object: ['{ a = "b" }', '{ "a=b" = "c" }', '{ A = true }', '["A=b"]'],
};

/** Keys whose form has words of its own. */
const OF_KEY: Readonly<Record<string, readonly string[]>> = {
  http: ['":80"', '"0.0.0.0:80"', '"h:80"', '"[::1]:80"', '"[::1]"', '"80"', '"70000"', '"h:70000"', '80', '"/x"'],
  http_token: ['"0123456789abcde"', '"0123456789abcdef"', '"0123456789 abcdef"'],
  log_level: ['"debug"', '"infos"', '"info,http=debug"', '"info,x=debug"', '"info,http=x"', '"http=debug"', '"info,"'],
  schedule: ['"0 3 * * *"', '"@daily"', '"0 3 * *"'],
  timezone: ['"UTC"', '"Europe/Berlin"', '"Europe/Berlni"'],
  ionice: ['"idle"', '"idle:1"', '"best-effort"', '"best-effort:7"', '"best-effort:8"', '"realtime:0"', '"besteffort"'],
  capabilities: ['["net_raw"]', '["CAP_CHOWN", "chown"]', '["CAP_NET_RWA"]', '[1]'],
  'limits.cpu': ['"0%"', '"0.9%"', '"1%"', '"150%"', '"1000000%"', '"1000001%"', '"1.5"'],
  'limits.core': ['"0"', '0', '"unlimited"', '"1M"', '"M"'],
  sockets: ['["web", "web"]', '["a:b"]', '["a b"]'],
  tags: ['["edge", "edge"]', '["+edge"]', '["a,b"]'],
};

/** What else has to be there for the key to have a meaning. */
const COMPANIONS: Readonly<Record<string, string>> = {
  'ready.timeout': 'ready.on = "delay"',
  'ready.delay': 'ready.on = "delay"',
  'ready.url': 'ready.on = "http"',
  'ready.status': 'ready.on = "http"\nready.url = 80',
  'ready.interval': 'ready.on = "http"\nready.url = 80',
  'ready.address': 'ready.on = "tcp"',
  'ready.command': 'ready.on = "exec"',
  'ready.pattern': 'ready.on = "log"',
  'heartbeat.grace': 'heartbeat.timeout = "30s"',
  'heartbeat.file': 'heartbeat.timeout = "30s"',
  'health.status': 'health.http = 80',
  'health.interval': 'health.tcp = 80',
  'health.timeout': 'health.tcp = 80',
  'health.failures': 'health.tcp = 80',
  'health.successes': 'health.tcp = 80',
  'health.on_failure': 'health.tcp = 80',
  'before_start.timeout': 'before_start.command = "x"',
  'after_stop.timeout': 'after_stop.command = "x"',
  timezone: 'schedule = "@daily"',
  overlap: 'schedule = "@daily"',
  random_delay: 'schedule = "@daily"',
  catch_up: 'schedule = "@daily"',
  'rollout.max_unavailable': 'instances = 2',
  'rollout.max_surge': 'instances = 2',
  'rollout.on_failure': 'instances = 2',
  'tls.cert': 'tls.key = "k"',
  'tls.key': 'tls.cert = "c"',
  'tls.client_ca': 'tls.cert = "c"\ntls.key = "k"',
};

interface Json {
  readonly title?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly items?: Json;
  readonly anyOf?: readonly Json[];
  readonly properties?: Readonly<Record<string, Json>>;
  readonly additionalProperties?: boolean | Json;
  readonly minimum?: number;
  readonly maximum?: number;
}

export function entries(): readonly Entry[] {
  const root: Json = jsonSchema();
  const services = root.properties?.services?.additionalProperties;
  const tables = [
    ['daemon', root.properties?.daemon],
    ['services.web', typeof services === 'object' ? services : undefined],
  ] as const;
  return tables.flatMap(([table, json]) =>
    keysOf(json ?? {}, '').map(([key, form]) => {
      const values = new Set([...ALWAYS, ...valuesFor(form), ...(OF_KEY[key] ?? [])]);
      const tell = () => {
        const answers = Map.groupBy(values, (value) => answerTo(table, key, value));
        return [...answers].map(([answer, given]) => `  ${answer}: ${given.join('  ')}`).join('\n');
      };
      return { title: `${table}.${key}`, tell };
    }),
  );
}

/** The keys of a table, and those of the tables in it. */
function keysOf({ properties = {} }: Json, prefix: string): readonly (readonly [key: string, form: Json])[] {
  return Object.entries(properties).flatMap(([name, json]) => {
    const key = `${prefix}${name}`;
    const inner = json.properties ? json : json.anyOf?.find((one) => one.properties !== undefined);
    return inner === undefined ? [[key, json] as const] : [[key, json] as const, ...keysOf(inner, `${key}.`)];
  });
}

function valuesFor({ title, type, enum: words, minimum, maximum, items, anyOf }: Json): readonly string[] {
  if (words !== undefined) return words.map((word) => JSON.stringify(word));
  if (minimum !== undefined && maximum !== undefined) {
    return [minimum - 1, minimum, maximum, maximum + 1].map(String).concat('nan');
  }
  if (title !== undefined) return OF_FORM[title] ?? [];
  if (items !== undefined) return OF_FORM[items.type === 'string' ? 'list' : 'codes'] ?? [];
  if (anyOf !== undefined) return anyOf.flatMap(valuesFor);
  return OF_FORM[String(type)] ?? [];
}

function answerTo(table: string, key: string, value: string): string {
  const needed = key === 'command' ? '' : 'command = "x"\n';
  const written = `${COMPANIONS[key] ?? ''}\n${key} = ${value}`;
  const base = table === 'daemon' ? '' : `[${table}]\n${needed}${written}\n`;
  const isSecret = key === 'http_token';
  const result = load({
    base: table === 'daemon' && !isSecret ? `[daemon]\n${written}\n${SOMETHING}` : `${base}${SOMETHING}`,
    ...(isSecret ? { secret: `[daemon]\n${written}\n` } : {}),
  });
  const found = result.ok ? result.warnings : result.problems;
  if (found.length === 0) return 'fine';
  const told = found.map((problem) => {
    const where = problem.key === `${table}.${key}` ? '' : `${problem.key} `;
    return `${where}${problem.message.replace(/, got .+?(?=; |$| in element)/, '')}`;
  });
  return `${result.ok ? 'warning: ' : ''}${told.join(' / ')}`;
}

/** Another one, so that nothing is wrong but what is tried. */
const SOMETHING = '[services.other]\ncommand = "other"\n';
