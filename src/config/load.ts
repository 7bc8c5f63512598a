// Makes a Config of the files that were read, or lists all problems. Asks the host only through `Facts`.

import type { Config, DaemonSpec, LogFilter, TlsFiles } from '../core/model/config.ts';
import type { EffectiveValue, ServiceSpec } from '../core/model/spec.ts';
import type { HostProblem, Problem } from '../errors.ts';
import { SecretMasks } from '../text/masks.ts';
import type { BuildContext } from './build/context.ts';
import { effectiveDaemon } from './build/effective.ts';
import { daemonFields } from './build/fields.ts';
import { type InstanceCounts, readServices, type Services } from './build/services.ts';
import { checkDaemon, checkService, commandsOf } from './check/checks.ts';
import { checkDependencies } from './check/dependencies.ts';
import { checkDeployment, checkListener } from './check/deploy.ts';
import { checkHeartbeats } from './check/heartbeats.ts';
import type { Facts } from './check/host-facts.ts';
import { checkPorts } from './check/ports.ts';
import { checkUserRights } from './check/user-rights.ts';
import { mergeLayers, type SourceFile } from './layers/layers.ts';
import { type UnreadFiles, unreadFilesOf } from './layers/unread-files.ts';
import { locateIn, locateService } from './report/locate.ts';
import { Findings } from './report/problems.ts';
import { DAEMON } from './schema/daemon-keys.ts';
import { KEYS } from './schema/keys.ts';
import { type DaemonValues, daemonSchema } from './schema/schema.ts';
import { readTable } from './schema/validate.ts';
import { hideInConfig, hideInMessage, hideInProblems } from './secrets/hidden.ts';
import { Secrets } from './secrets/secrets.ts';
import { emptyTable, plain, subtable, type Table } from './source/tree.ts';
import { parseLogLevel } from './values/log-level.ts';
import { completeHooks, idlePatterns } from './values/on-event.ts';
import { resolvePath } from './values/paths.ts';

/** Everything a configuration is made of, as read. */
interface Sources {
  /** config.toml first, then what it includes, then env.toml. */
  readonly files: readonly SourceFile[];
  /** Problems of the files themselves: missing, owner, permissions. */
  readonly problems: readonly Problem[];
  /** Roles of the files that could not be opened. */
  readonly unread: ReadonlySet<SourceFile['role']>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute: opsd's working directory. */
  readonly workDir: string;
  readonly prefix: string;
  /** An empty configuration is meant, and no problem. */
  readonly allowEmpty: boolean;
  /** Adds the warnings of `opsd check --deploy`. */
  readonly isForDeployment?: boolean;
  /** Numbers of instances by `opsd ctl scale`, which win over those of the files. */
  readonly scale?: InstanceCounts;
}

export type LoadResult = {
  readonly warnings: readonly Problem[];
  /** What this host lacks at the moment; the configuration may be valid all the same. */
  readonly hostProblems: readonly HostProblem[];
  /** Masks all secrets that were read, valid or not. */
  readonly masks: SecretMasks;
} & ({ readonly ok: true; readonly config: Config } | { readonly ok: false; readonly problems: readonly Problem[] });

export function loadConfig(sources: Sources, facts: Facts): LoadResult {
  const gaps = unreadFilesOf(sources.files, sources.unread);
  const findings = new Findings(gaps.hidesKeys);
  const { table, problems } = mergeLayers(sources.files, sources.env, gaps.hidesServices);
  for (const problem of [...sources.problems, ...problems]) findings.problem(problem, problem.message);
  const secrets = new Secrets();
  for (const { role, document } of sources.files)
    if (role === 'secret' && document.ok) secrets.add(plain(document.table));
  const context = { ...sources, facts, findings, last: new Map(), secrets };
  const daemon = readDaemon(table, context);
  const services = readServices(table, gaps, sources.scale ?? new Map(), context);
  if (!gaps.hidesDefaults) checkEverything(daemon, services, table, { ...sources, gaps, facts, findings });
  for (const name of services.names) secrets.name(name);
  namePrograms(services, facts, secrets);
  const masks = new SecretMasks(secrets.texts());
  const told = {
    warnings: hideInProblems(findings.warnings, masks),
    hostProblems: hideInProblems(findings.hostProblems, masks),
    masks,
  };
  if (daemon === null || findings.problems.length > 0) {
    return { ok: false, problems: hideInProblems(findings.problems, masks), ...told };
  }
  const config: Config = {
    daemon: daemon.spec,
    services: withHindrances(services.specs, findings.hindrances, masks),
    groups: services.groups,
    rollouts: services.rollouts,
    effective: daemon.effective,
  };
  return { ok: true, config: hideInConfig(config, masks), ...told };
}

/** The specs of services that cannot start on this host say why. */
function withHindrances(
  specs: Services['specs'],
  hindrances: ReadonlyMap<string, string>,
  masks: SecretMasks,
): Services['specs'] {
  if (hindrances.size === 0) return specs;
  const told = ([name, spec]: [string, ServiceSpec]): [string, ServiceSpec] => {
    const why = hindrances.get(name);
    return [name, why === undefined ? spec : { ...spec, hindrance: hideInMessage(why, masks) }];
  };
  return new Map([...specs].map(told));
}

/** Exempts the names of existing programs from masking, so that messages can name them even if arguments are secret. */
function namePrograms({ specs }: Services, facts: Facts, secrets: Secrets): void {
  for (const { launch, policy } of specs.values()) {
    for (const [, [file]] of commandsOf({ launch, policy })) {
      if (!secrets.has(file) || facts.whyNotExecutable(file, launch.cwd, launch.env.PATH ?? null) !== null) continue;
      secrets.name(file);
    }
  }
}

interface DaemonReading {
  readonly spec: DaemonSpec;
  readonly effective: ReadonlyMap<string, EffectiveValue>;
}

function readDaemon(root: Table, context: BuildContext): DaemonReading | null {
  const table = subtable(root, 'daemon') ?? emptyTable(root.origin);
  const form = { schema: daemonSchema, keys: KEYS.keys.get('daemon') ?? KEYS, isFragment: false, placeholders: {} };
  const values = readTable(table, form, locateIn(root, ['daemon']), context.findings);
  const override = logLevelOverride(context);
  if (values === null) return null;
  const { hooks, mistakes } = completeHooks(values.on_event, values.on_event_secrets);
  const locate = locateIn(root, ['daemon']);
  for (const { key, message, isAbsence } of mistakes) {
    if (isAbsence) context.findings.absence(locate([key]), message);
    else context.findings.problem(locate([key]), message);
  }
  const spec: DaemonSpec = {
    ...daemonFields(values),
    tls: tlsFiles(values, context),
    logLevel: override ?? values.log_level,
    logDir: resolvePath(context.workDir, values.log_dir, context.facts),
    heartbeatFile:
      values.heartbeat_file === '' ? null : resolvePath(context.workDir, values.heartbeat_file, context.facts),
    onEvent: hooks,
  };
  noteHooks(values, context.secrets);
  const effective = effectiveDaemon(table, spec, values, context.secrets);
  if (override !== null) {
    const { inForce } = DAEMON.log_level;
    effective.set('log_level', { value: JSON.stringify(override.text), secret: false, source: 'OPSD_LOG', inForce });
  }
  return { spec, effective };
}

/** Notes the webhook URLs and headers of event hooks as secrets, in whatever file they are. */
function noteHooks({ on_event, on_event_secrets }: DaemonValues, secrets: Secrets): void {
  for (const { exec } of on_event) secrets.redact(exec);
  for (const { webhook, headers } of [...on_event, ...Object.values(on_event_secrets)]) {
    if (webhook !== null) secrets.addWebhook(webhook);
    secrets.add(headers);
  }
}

/** OPSD_LOG wins over every layer. */
function logLevelOverride({ env, findings }: BuildContext): LogFilter | null {
  const text = env.OPSD_LOG;
  if (text === undefined || text === '') return null;
  const reading = parseLogLevel(text);
  if (reading.ok) return reading.value;
  const hint = reading.hint === undefined ? '' : `; ${reading.hint}`;
  findings.problem({ where: 'OPSD_LOG', line: null, key: 'daemon.log_level' }, `expected ${reading.expected}${hint}`);
  return null;
}

function tlsFiles({ tls }: DaemonValues, { workDir, facts }: BuildContext): TlsFiles | null {
  if (tls === undefined) return null;
  const clientCa = tls.client_ca === undefined ? null : resolvePath(workDir, tls.client_ca, facts);
  return { cert: resolvePath(workDir, tls.cert, facts), key: resolvePath(workDir, tls.key, facts), clientCa };
}

/** What the checks of the whole configuration need. */
interface CheckInput extends Sources {
  readonly gaps: UnreadFiles;
  readonly facts: Facts;
  readonly findings: Findings;
}

function checkEverything(
  daemon: DaemonReading | null,
  { specs: services, names }: Services,
  root: Table,
  { files, prefix, allowEmpty, isForDeployment, gaps, facts, findings }: CheckInput,
): void {
  const locateSpec = ({ group, name }: ServiceSpec) => locateService(root, group ?? name);
  if (daemon !== null) checkDaemon(daemon.spec, prefix, locateIn(root, ['daemon']), facts, findings);
  for (const spec of services.values()) {
    checkService(spec, daemon?.spec ?? null, locateSpec(spec), facts, findings);
  }
  checkUserRights(services.values(), locateSpec, facts, findings);
  if (isForDeployment && daemon !== null) checkListener(daemon.spec, locateIn(root, ['daemon']), findings);
  if (isForDeployment) checkDeployment(services.values(), locateSpec, facts, findings);
  const locate = (service: string, path: readonly string[]) => locateService(root, service)(path);
  checkDependencies(services, gaps.hidesServices ? null : names, locate, findings);
  checkHeartbeats(services, daemon?.spec.heartbeatFile ?? null, locate, facts, findings);
  checkPorts(services, locate, findings);
  if (gaps.hidesServices) return;
  for (const message of idlePatterns(daemon?.spec.onEvent ?? [], services.keys())) {
    findings.warning(locateIn(root, ['daemon'])(['on_event']), message);
  }
  if (names.size > 0 || gaps.hidesKeys) return;
  const place = { where: files[0]?.document.where ?? 'configuration', line: null, key: '' };
  if (root.entries.size === 0 && !allowEmpty) {
    findings.problem(place, 'is empty; define a service ([services.<name>] and its command)');
  } else if (findings.problems.length === 0) {
    findings.warning(place, 'has no [services.<name>]: nothing is supervised');
  }
}
