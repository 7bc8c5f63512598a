// The commands about the configuration itself: `opsd check`, `opsd config`, `opsd schema`.

import { join } from 'node:path';
import { counted, formatProblems, headlineOf } from '../config/report/problems.ts';
import { jsonSchema } from '../config/schema/schema.ts';
import { keyPath } from '../config/source/tree.ts';
import type { Config } from '../core/model/config.ts';
import type { EffectiveValue, EffectiveValues } from '../core/model/spec.ts';
import { ConfigError, type HostProblem, type Problem } from '../errors.ts';
import { type ConfigOptions, readConfig } from '../os/config/files.ts';
import { readScale, scalePath } from '../os/files/scale-file.ts';
import { isForUs, socketsOf } from '../os/systemd/sockets.ts';
import { plainPath } from '../os/trust/plain-path.ts';
import type { Clock } from '../runtime/clock.ts';
import { escaped } from '../text/harmless.ts';
import type { ExitCode } from './command.ts';
import { configPlace } from './config-place.ts';
import { describeDrift } from './show/drift.ts';

/** Where a command writes; the text contains its line breaks. */
export interface CommandOutput {
  stdout(text: string): void;
  stderr(text: string): void;
}

/** The environment and working directory of the command. */
export interface World {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute. */
  readonly workDir: string;
  /** The file of the program that runs, links followed. */
  readonly program: string;
}

interface FileOptions {
  /** Default: that of the installed daemon, else cfg/config.toml. */
  readonly config?: string;
  /** The working directory of the daemon. */
  readonly cwd?: string;
}

interface CheckOptions extends FileOptions {
  readonly deploy?: boolean;
  /** `warn`: problems of this host are warnings. */
  readonly host?: string;
}

export interface ConfigCommandOptions extends FileOptions {
  readonly explain?: boolean;
  readonly json?: boolean;
}

const DEFAULT_PREFIX = '/srv';

/** Prints every problem and warning of the configuration. */
export function runCheck(options: CheckOptions, output: CommandOutput, world: World): ExitCode {
  const { host = 'refuse' } = options;
  if (host !== 'warn' && host !== 'refuse') {
    throw new ConfigError(`--host: expected warn or refuse, got '${host}'`);
  }
  const more = { asksUsers: true, isForDeployment: options.deploy ?? false };
  const { config, place, hostProblems } = load(options, output, world, more);
  if (hostProblems.length > 0) {
    const counts = counted(hostProblems, host === 'warn' ? 'warning' : 'problem');
    const effect = hostProblems.some(({ isFatal }) => isFatal) ? 'opsd cannot start here' : 'only what needs it fails';
    const headline = `${place.configFile}: ${counts} of this host; ${effect}`;
    output.stderr(`opsd: ${headline}\n${formatProblems(hostProblems)}\n`);
  }
  if (config === null || (hostProblems.length > 0 && host === 'refuse')) return 1;
  const { size } = config.services;
  const from = place.workDir === world.workDir ? '' : ` (its relative paths begin in ${place.workDir})`;
  output.stdout(`${place.configFile}: no problems, ${size} ${size === 1 ? 'service' : 'services'}${from}\n`);
  for (const [name, { configured, instances }] of config.groups) {
    if (configured !== instances) output.stdout(`${describeDrift({ name, configured, instances })}\n`);
  }
  return 0;
}

/** Prints the effective configuration as TOML or JSON, with the source of each value on request. */
export function runConfig(options: ConfigCommandOptions, output: CommandOutput, world: World): ExitCode {
  const { config } = load(options, output, world);
  if (config === null) return 1;
  const isExplained = options.explain ?? false;
  output.stdout(options.json ? asJson(config, isExplained) : asToml(config, isExplained));
  return 0;
}

/** Prints the JSON Schema of config.toml, for editors. */
export function runSchema(output: CommandOutput): ExitCode {
  output.stdout(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return 0;
}

/** What could be read; what is wrong with it in form was printed. */
interface Loaded {
  /** null: it has problems in form. */
  readonly config: Config | null;
  readonly place: ReturnType<typeof configPlace>;
  readonly hostProblems: readonly HostProblem[];
}

function load(
  options: FileOptions,
  output: CommandOutput,
  { env, workDir: shell, clock, program }: World,
  more: Pick<ConfigOptions, 'asksUsers' | 'isForDeployment'> = {},
): Loaded {
  const prefix = plainPath(shell, env.PREFIX || DEFAULT_PREFIX);
  const asked = { config: options.config, cwd: options.cwd, workDir: shell, prefix };
  const place = configPlace({ ...asked, isInstalled: program.startsWith(join(prefix, 'opsd/lib/')) });
  const { configFile, workDir } = place;
  const { counts, troubles } = readScale(scalePath(prefix));
  const sockets = isForUs(env) ? { sockets: [...socketsOf(env).byName.keys()] } : {};
  const result = readConfig({ clock, configFile, prefix, env, workDir, scale: counts, ...sockets, ...more });
  const tell = (headline: string, problems: readonly Problem[]) => {
    if (problems.length > 0) output.stderr(`opsd: ${headline}\n${formatProblems(problems)}\n`);
  };
  if (!result.ok) tell(headlineOf(configFile, result.problems), result.problems);
  tell(`${configFile}: ${counted(result.warnings, 'warning')}`, result.warnings);
  for (const trouble of troubles) output.stderr(`opsd: ${trouble}\n`);
  return { config: result.ok ? result.config : null, place, hostProblems: result.hostProblems };
}

/** The values are JSON, which is valid TOML for strings, numbers, booleans and lists of these. */
function asToml(config: Config, isExplained: boolean): string {
  const sections: (readonly [string, EffectiveValues])[] = [['daemon', config.effective]];
  for (const { name, effective } of config.services.values()) sections.push([keyPath(['services', name]), effective]);
  return sections.map(([title, values]) => `[${title}]\n${linesOf(values, isExplained).join('')}`).join('\n');
}

/** The sources are aligned in a column; only behind a longer value they stand further right. */
const WIDEST_PAIR = 64;

function linesOf(values: EffectiveValues, isExplained: boolean): readonly string[] {
  const rows = [...values].map(([key, value]) => {
    const pair = escaped(`${keyPath(partsOf(key))} = ${value.value}`);
    return { pair, source: value.source };
  });
  if (!isExplained) return rows.map(({ pair }) => `${pair}\n`);
  const fitting = rows.map(({ pair }) => pair.length).filter((length) => length <= WIDEST_PAIR);
  const width = Math.max(0, ...fitting);
  return rows.map(({ pair, source }) => `${pair.padEnd(width)}  # ${escaped(source)}\n`);
}

/** A key has at most two parts: in `env.spring.profile` the second is `spring.profile`, the name of a variable. */
function partsOf(key: string): readonly string[] {
  const dot = key.indexOf('.');
  return dot < 0 ? [key] : [key.slice(0, dot), key.slice(dot + 1)];
}

function asJson(config: Config, isExplained: boolean): string {
  const tree = isExplained ? explained : nested;
  const services = [...config.services.values()].map(({ name, effective }) => [name, tree(effective)] as const);
  return `${JSON.stringify({ daemon: tree(config.effective), services: Object.fromEntries(services) }, null, 2)}\n`;
}

function explained(values: EffectiveValues): Record<string, unknown> {
  const entries = [...values].map(([key, value]) => {
    return [key, { value: bare(value), source: value.source, secret: value.secret }] as const;
  });
  return Object.fromEntries(entries);
}

function nested(values: EffectiveValues): Record<string, unknown> {
  const tables = new Map<string, [string, unknown][]>();
  const entries: [string, unknown][] = [];
  for (const [key, value] of values) {
    const [first = '', second] = partsOf(key);
    const table = tables.get(first);
    if (second === undefined) entries.push([first, bare(value)]);
    else if (table === undefined) tables.set(first, [[second, bare(value)]]);
    else table.push([second, bare(value)]);
  }
  for (const [key, pairs] of tables) entries.push([key, Object.fromEntries(pairs)]);
  return Object.fromEntries(entries);
}

function bare({ value }: EffectiveValue): unknown {
  return JSON.parse(value);
}
