// From what was read to a Config, or to every problem there is. Nothing here touches the machine but through `Facts`.

import type { Config, DaemonSpec, EffectiveValue, ServiceSpec } from '../core/spec.ts';
import type { Problem } from '../errors.ts';
import { checkDaemon, checkService, checkServiceName } from './checks.ts';
import { checkDependencies } from './dependencies.ts';
import { effectiveDaemon } from './effective.ts';
import type { Facts } from './facts.ts';
import { KEYS, type KeyTree } from './keys.ts';
import { mergeLayers, type SourceFile } from './layers.ts';
import { parseLogLevel } from './log-level.ts';
import { completeHooks, idlePatterns } from './on-event.ts';
import { resolvePath } from './paths.ts';
import { Findings, type Place } from './problems.ts';
import { looksSecret } from './redaction.ts';
import { type DaemonValues, daemonSchema, defaultsSchema, serviceSchema } from './schema.ts';
import { buildService, type Surroundings } from './service.ts';
import { emptyTable, find, findNearest, keyPath, mergeTables, subtable, type Table } from './tree.ts';
import { type Locate, readTable } from './validate.ts';

/** Everything a configuration is made of, as read. */
export interface Sources {
  /** config.toml first, then what it includes, then env.toml. */
  readonly files: readonly SourceFile[];
  /** What kept files from being read. */
  readonly problems: readonly Problem[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute: opsd's working directory. */
  readonly workDir: string;
  readonly prefix: string;
  /** An empty configuration is meant. */
  readonly allowEmpty: boolean;
}

export type LoadResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly Problem[] }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly warnings: readonly Problem[] };

export function loadConfig(sources: Sources, facts: Facts): LoadResult {
  const findings = new Findings();
  const { table, problems } = mergeLayers(sources.files, sources.env);
  for (const problem of [...sources.problems, ...problems]) findings.problem(problem, problem.message);
  // What is missing may be in the file that could not be read: only what was read is judged.
  const isIncomplete = sources.problems.length > 0 || sources.files.some(({ document }) => !document.ok);
  const around = { ...sources, facts, findings, last: new Map() };
  const daemon = readDaemon(table, isIncomplete, around);
  const services = readServices(table, isIncomplete, around);
  if (!isIncomplete) {
    const names = new Set(subtable(table, 'services')?.entries.keys());
    checkEverything(daemon, services, names, table, sources, facts, findings);
  }
  const { warnings } = findings;
  if (daemon === null || findings.problems.length > 0) return { ok: false, problems: findings.problems, warnings };
  return {
    ok: true,
    config: { daemon: daemon.spec, services, groups: new Map(), effective: daemon.effective },
    warnings,
  };
}

interface Daemon {
  readonly spec: DaemonSpec;
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}

function readDaemon(root: Table, isIncomplete: boolean, around: Surroundings): Daemon | null {
  const table = subtable(root, 'daemon') ?? emptyTable(root.origin);
  const form = { schema: daemonSchema, keys: keysOf('daemon'), isIncomplete, standIn: {} };
  const values = readTable(table, form, locateIn(root, ['daemon']), around.findings);
  const override = logLevelOverride(around);
  if (values === null) return null;
  const { hooks, mistakes } = completeHooks(values.on_event, values.on_event_secrets);
  const locate = locateIn(root, ['daemon']);
  for (const { key, message } of mistakes) around.findings.problem(locate([key]), message);
  const spec = { ...daemonSpec(values, override ?? values.log_level, around.workDir), onEvent: hooks };
  const effective = effectiveDaemon(table, spec);
  if (override !== null) {
    effective.set('log_level', { value: JSON.stringify(override), secret: false, source: 'OPSD_LOG' });
  }
  return { spec, effective };
}

/** OPSD_LOG wins over every layer. */
function logLevelOverride({ env, findings }: Surroundings): string | null {
  const text = env.OPSD_LOG;
  if (text === undefined || text === '') return null;
  const reading = parseLogLevel(text);
  if (reading.ok) return reading.value;
  const hint = reading.hint === undefined ? '' : `; ${reading.hint}`;
  findings.problem({ where: 'OPSD_LOG', line: null, key: 'daemon.log_level' }, `expected ${reading.expected}${hint}`);
  return null;
}

function daemonSpec(values: DaemonValues, logLevel: string, workDir: string): Omit<DaemonSpec, 'onEvent'> {
  return {
    http: values.http,
    logLevel,
    logDir: resolvePath(workDir, values.log_dir),
    logFormat: values.log_format,
    watchConfig: values.watch_config,
    startConcurrency: values.start_concurrency,
    shutdownTimeout: values.shutdown_timeout,
    socketMode: values.socket_mode,
    socketGroup: values.socket_group ?? null,
    pageLogs: values.page_logs,
    exitWhen: 'never',
  };
}

function readServices(root: Table, isIncomplete: boolean, around: Surroundings): ReadonlyMap<string, ServiceSpec> {
  const { findings } = around;
  const keys = keysOf('defaults');
  const defaults = subtable(root, 'defaults') ?? emptyTable(root.origin);
  const standIn = { command: ['true'] };
  readTable(
    defaults,
    { schema: defaultsSchema, keys, isIncomplete, standIn: {} },
    locateIn(root, ['defaults']),
    findings,
  );
  const services = new Map<string, ServiceSpec>();
  for (const [name, node] of subtable(root, 'services')?.entries ?? []) {
    const locate = locateService(root, name);
    checkServiceName(name, locate([]), findings);
    if (node.kind === 'leaf') {
      findings.problem(locate([]), `expected a table: write [${keyPath(['services', name])}] on a line of its own`);
      continue;
    }
    const table = mergeTables(defaults, node);
    const values = readTable(table, { schema: serviceSchema, keys, isIncomplete, standIn }, locate, findings);
    if (values !== null) services.set(name, buildService(name, values, table, locate, around));
  }
  return services;
}

function checkEverything(
  daemon: Daemon | null,
  services: ReadonlyMap<string, ServiceSpec>,
  names: ReadonlySet<string>,
  root: Table,
  sources: Sources,
  facts: Facts,
  findings: Findings,
): void {
  if (daemon !== null) checkDaemon(daemon.spec, sources.prefix, locateIn(root, ['daemon']), facts, findings);
  for (const spec of services.values()) {
    checkService(spec, daemon?.spec ?? null, locateService(root, spec.name), facts, findings);
  }
  checkDependencies(services, names, (service, path) => locateService(root, service)(path), findings);
  for (const message of idlePatterns(daemon?.spec.onEvent ?? [], services.keys())) {
    findings.warning(locateIn(root, ['daemon'])(['on_event']), message);
  }
  if (names.size > 0) return;
  const place = { where: sources.files[0]?.document.where ?? 'configuration', line: null, key: '' };
  if (root.entries.size > 0 || sources.allowEmpty)
    findings.warning(place, 'has no [services.<name>]: nothing is supervised');
  else findings.problem(place, 'is empty; define a service ([services.<name>] and its command)');
}

function locateIn(root: Table, prefix: readonly string[]): Locate {
  return (path) => placeOf(root, [...prefix, ...path], path);
}

/** A key that a service has from [defaults] is named as it stands there. */
function locateService(root: Table, name: string): Locate {
  return (path) => {
    const own = ['services', name, ...path];
    const inherited = ['defaults', ...path];
    const named = path.filter((part) => typeof part !== 'number');
    const isInherited =
      find(root, ['services', name, ...named]) === null && find(root, ['defaults', ...named]) !== null;
    return placeOf(root, isInherited && path.length > 0 ? inherited : own, path);
  };
}

function placeOf(root: Table, path: readonly PropertyKey[], relative: readonly PropertyKey[]): Place {
  const { origin } = findNearest(root, path);
  const isSecret = origin.isSecret || looksSecret(relative.map(String));
  const named = path.filter((part) => typeof part !== 'number');
  return { where: origin.where, line: origin.line, key: keyPath(named), isSecret };
}

function keysOf(name: string): KeyTree {
  return KEYS.keys.get(name) ?? KEYS;
}
