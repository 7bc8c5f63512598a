// From the values of one service, valid in form, to its ServiceSpec: paths absolute, environment put together.

import type { Launch, Policy, ServiceSpec } from '../core/spec.ts';
import { LONGEST_WORD } from './command.ts';
import { effectiveService, type LastValues, type Source, sourceOf } from './effective.ts';
import { parseEnvFile } from './env-file.ts';
import type { Facts } from './facts.ts';
import { resolvePath } from './paths.ts';
import type { Findings, Place } from './problems.ts';
import { REDACTED } from './redaction.ts';
import type { ServiceValues } from './schema.ts';
import type { Table } from './tree.ts';
import type { Locate } from './validate.ts';

export interface Surroundings {
  /** Absolute: opsd's own working directory. */
  readonly workDir: string;
  /** opsd's own environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly facts: Facts;
  readonly findings: Findings;
  readonly last: LastValues;
}

/** What opsd itself tells every service; nobody else may. */
const RESERVED_VARIABLES = new Set(['OPSD_SERVICE', 'OPSD_HEARTBEAT_FILE', 'OPSD_MARKER']);

export function buildService(
  name: string,
  values: ServiceValues,
  table: Table,
  locate: Locate,
  around: Surroundings,
): ServiceSpec {
  const cwd = resolvePath(around.workDir, values.cwd ?? '.');
  const envFile = values.env_file === undefined ? null : resolvePath(cwd, values.env_file);
  const variables = gatherVariables(values, envFile, table, locate, around);
  const launch: Launch = {
    command: values.command,
    cwd,
    user: values.user ?? null,
    group: values.group ?? null,
    umask: values.umask ?? null,
    nice: values.nice,
    oomScoreAdj: values.oom_score_adj,
    env: Object.fromEntries([...variables].map(([key, { value }]) => [key, value])),
    heartbeatFile: resolvePath(cwd, values.heartbeat?.file ?? `./tmp/${name}.heartbeat`),
    log: values.log.mode,
    limits: { nofile: null, core: null, memory: null, memoryHigh: null, cpu: null, tasks: null, ioWeight: null },
    ionice: null,
    noNewPrivileges: false,
    capabilities: null,
    wrapper: [],
  };
  const policy = policyOf(values);
  const parts = { launch, policy, files: { envFile, passEnv: values.pass_env } };
  return {
    name,
    group: null,
    instance: null,
    launch,
    policy,
    effective: effectiveService(table, parts, variables, around.last),
  };
}

function policyOf(values: ServiceValues): Policy {
  const { heartbeat, ready } = values;
  return {
    enabled: values.enabled,
    restart: values.restart,
    backoff: values.backoff,
    stableAfter: values.stable_after,
    maxFailures: values.max_failures,
    retryFailed: values.retry_failed,
    fatalExitCodes: values.fatal_exit_codes,
    successExitCodes: values.success_exit_codes,
    stopSignal: values.stop_signal,
    stopTimeout: values.stop_timeout,
    heartbeat:
      heartbeat === undefined || heartbeat.timeout === 0
        ? null
        : { timeout: heartbeat.timeout, grace: heartbeat.grace ?? heartbeat.timeout },
    dependsOn: values.depends_on,
    after: values.after,
    ready: ready === undefined ? null : { ...ready, probe: null, interval: 500, pattern: null },
    health: null,
    onDependencyRestart: 'keep',
    timeout: null,
    schedule: null,
    onFailed: 'keep',
    beforeStart: null,
    afterStop: null,
    tags: [],
    timestamps: values.log.timestamps,
  };
}

/** `isSecret` tells of its layer only, not of its name. */
interface Variable extends Source {
  readonly value: string;
}

/** env_file, then pass_env, then env: the later wins. */
function gatherVariables(
  values: ServiceValues,
  envFile: string | null,
  table: Table,
  locate: Locate,
  around: Surroundings,
): ReadonlyMap<string, Variable> {
  const variables = new Map<string, Variable>();
  if (envFile !== null) readEnvFile(envFile, envFilePlace(locate), around, variables);
  for (const name of values.pass_env) {
    const value = around.env[name];
    checkName(name, () => locate(['pass_env']), around.findings);
    if (value !== undefined) variables.set(name, { value, source: 'environment', isSecret: false });
  }
  for (const [name, value] of Object.entries(values.env)) {
    checkName(name, () => locate(['env', name]), around.findings);
    variables.set(name, { value, ...sourceOf(table, ['env', name]) });
  }
  for (const [name, { value }] of variables) {
    if (value.length <= LONGEST_WORD) continue;
    around.findings.problem(locate(['env', name]), `${name} is longer than 128 KiB; put it into a file`);
  }
  return variables;
}

/** A relative path shows the folder it starts from. */
function envFilePlace(locate: Locate): Place {
  const place = locate(['env_file']);
  return { ...place, isSecret: place.isSecret || locate(['cwd']).isSecret };
}

function readEnvFile(path: string, place: Place, around: Surroundings, variables: Map<string, Variable>): void {
  const shownPath = place.isSecret ? REDACTED : path;
  const file = around.facts.readText(path);
  if (!file.ok) {
    around.findings.problem(place, `${shownPath} cannot be read: ${file.why}`);
    return;
  }
  const { variables: found, mistakes } = parseEnvFile(file.text);
  const inFile = (line: number): Place => ({ where: shownPath, line, key: place.key, isSecret: true });
  for (const { line, message } of mistakes) around.findings.problem(inFile(line), message);
  for (const { name, value, line } of found) {
    checkName(name, () => inFile(line), around.findings);
    if (value.includes('\0')) around.findings.problem(inFile(line), `${name} has a NUL byte in it; remove it`);
    variables.set(name, { value, source: `${shownPath}:${line}`, isSecret: place.isSecret });
  }
}

function checkName(name: string, locate: () => Place, findings: Findings): void {
  if (RESERVED_VARIABLES.has(name)) findings.problem(locate(), `${name} is set by opsd itself; use another name`);
  if (name === '' || /[=\0]/.test(name)) {
    findings.problem(locate(), 'expected the name of a variable: not empty, without = in it');
  }
}
