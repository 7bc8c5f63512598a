// From the values of one service, valid in form, to its ServiceSpec: paths absolute, environment put together.

import type { Dependency, Launch, Limits, Policy, ServiceSpec } from '../../core/model/spec.ts';
import { instanceName } from '../../text/instance-name.ts';
import type { Locate } from '../report/locate.ts';
import type { ServiceValues } from '../schema/schema.ts';
import { find, type Table } from '../source/tree.ts';
import { resolvePath } from '../values/paths.ts';
import type { BuildContext } from './context.ts';
import { effectiveService } from './effective.ts';
import { gatherVariables } from './environment.ts';
import { serviceFields } from './fields.ts';
import { restartOf, scheduleOf } from './job.ts';
import { healthOf, readinessOf, type ServiceInput } from './probing.ts';

/** A service or an instance as it was read. */
interface ServiceReading {
  /** The name in the file. */
  readonly name: string;
  /** null: the service has no instances. */
  readonly instance: number | null;
  readonly values: ServiceValues;
  /** The table with [defaults] merged in. */
  readonly table: Table;
  /** The table of the service itself. */
  readonly own: Table;
  readonly locate: Locate;
  /** The services that a name in `depends_on` or `after` stands for: all instances of a group. */
  namesOf(service: string): readonly string[];
}

export function buildService(written: ServiceReading, context: BuildContext): ServiceSpec {
  const { values, table, own, locate, instance } = written;
  const name = instance === null ? written.name : instanceName(written.name, instance);
  const cwd = resolvePath(context.workDir, values.cwd ?? '.', context.facts);
  const envFile = values.env_file === undefined ? null : resolvePath(cwd, values.env_file, context.facts);
  const { variables, gap } = gatherVariables(name, values, envFile, table, locate, context);
  const fields = serviceFields(values);
  const launch: Launch = {
    ...fields.launch,
    cwd,
    env: Object.fromEntries([...variables].map(([key, { value }]) => [key, value])),
    heartbeatFile: resolvePath(cwd, values.heartbeat?.file ?? `./tmp/${name}.heartbeat`, context.facts),
    log: values.log.mode,
    limits: limitsOf(values),
  };
  const { facts, findings } = context;
  const isOwn = (path: readonly string[]) => find(own, path) !== null;
  const isWritten = (path: readonly string[]) => find(table, path) !== null;
  const asked: ServiceInput = {
    values,
    env: launch.env,
    isEnvKnown: gap === null,
    locate,
    isOwn,
    isWritten,
    findings,
  };
  const policy: Policy = {
    ...fields.policy,
    restart: restartOf(asked),
    heartbeat: heartbeatOf(values),
    dependsOn: dependenciesOf(values, written.namesOf),
    after: [...new Set(values.after.flatMap(written.namesOf))],
    ready: readinessOf(asked),
    health: healthOf(asked),
    schedule: scheduleOf(asked, facts),
    timestamps: timestampsOf(asked),
  };
  const effective = effectiveService(
    table,
    { launch, policy, envFile },
    values,
    variables,
    context.last,
    context.secrets,
  );
  const group = instance === null ? null : written.name;
  return { name, group, instance, launch, policy, effective, ...(gap === null ? {} : { gap }) };
}

function heartbeatOf({ heartbeat }: ServiceValues): Policy['heartbeat'] {
  if (heartbeat === undefined || heartbeat.timeout === 0) return null;
  return { timeout: heartbeat.timeout, grace: heartbeat.grace ?? heartbeat.timeout };
}

function timestampsOf({ values, locate, isOwn, findings }: ServiceInput): boolean {
  const { mode, timestamps } = values.log;
  if (timestamps && mode !== 'capture' && isOwn(['log', 'timestamps'])) {
    const message = 'is ignored: opsd stamps the lines it copies, with mode = "capture"; write that, or remove this';
    findings.warning(locate(['log', 'timestamps']), message);
  }
  return timestamps;
}

/** A group stands for all its instances; an entry for one instance (`web@2`) wins over it. */
function dependenciesOf({ depends_on }: ServiceValues, namesOf: ServiceReading['namesOf']): readonly Dependency[] {
  const found = new Map<string, Dependency>();
  for (const { service, until } of depends_on) {
    for (const name of namesOf(service)) {
      if (name === service || !found.has(name)) found.set(name, { service: name, until });
    }
  }
  return [...found.values()];
}

function limitsOf({ limits }: ServiceValues): Limits {
  return {
    nofile: limits.nofile ?? null,
    core: limits.core ?? null,
    memory: limits.memory ?? null,
    memoryHigh: limits.memory_high ?? null,
    cpu: limits.cpu ?? null,
    tasks: limits.tasks ?? null,
    ioWeight: limits.io_weight ?? null,
  };
}
