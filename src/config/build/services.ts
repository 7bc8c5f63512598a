// Builds the ServiceSpecs from the tables of the services, one for each instance.

import type { InstanceGroup, RolloutGroup, ServiceSpec } from '../../core/model/spec.ts';
import { instanceName } from '../../text/instance-name.ts';
import { checkServiceName } from '../check/checks.ts';
import type { UnreadFiles } from '../layers/unread-files.ts';
import { locateIn, locateService } from '../report/locate.ts';
import { KEYS } from '../schema/keys.ts';
import { defaultsSchema, serviceSchema } from '../schema/schema.ts';
import { readTable } from '../schema/validate.ts';
import { emptyTable, keyPath, mergeTables, subtable, type Table } from '../source/tree.ts';
import type { BuildContext } from './context.ts';
import { explainScale, groupOf, valuesOfInstance, warnOfLoneInstance } from './instances.ts';
import { rolloutOf } from './rollout.ts';
import { buildService } from './service.ts';

/** Numbers of instances by `opsd ctl scale`, which win over those of the files. By the name in the file. */
export type InstanceCounts = ReadonlyMap<string, number>;

export interface Services {
  readonly specs: ReadonlyMap<string, ServiceSpec>;
  readonly groups: ReadonlyMap<string, InstanceGroup>;
  readonly rollouts: ReadonlyMap<string, RolloutGroup>;
  /** Names of all services, invalid ones too: those in the files, and those of instances. */
  readonly names: ReadonlySet<string>;
}

/** The tables of a service, before its values are checked. */
interface ServiceTables {
  readonly own: Table;
  readonly table: Table;
  readonly group: InstanceGroup | null;
}

export function readServices(root: Table, gaps: UnreadFiles, scale: InstanceCounts, context: BuildContext): Services {
  const keys = KEYS.keys.get('defaults') ?? KEYS;
  const defaults = subtable(root, 'defaults') ?? emptyTable(root.origin);
  const form = { schema: defaultsSchema, keys, isFragment: false, placeholders: {} };
  readTable(defaults, form, locateIn(root, ['defaults']), context.findings);

  const entries = readEntries(root, defaults, scale, context);
  const namesOf = (name: string) => namesOfGroup(name, entries.get(name)?.group ?? null);
  const specs = new Map<string, ServiceSpec>();
  const rollouts = new Map<string, RolloutGroup>();
  for (const [name, { own, table, group }] of entries) {
    const locate = locateService(root, name);
    const build = (values: Table, instance: number | null) => {
      const isFragment = gaps.hidesServices && isOverride(own);
      const read = { schema: serviceSchema, keys, isFragment, placeholders: { command: ['true'] } };
      const valid = readTable(values, read, locate, context.findings);
      if (valid === null || isFragment) return null;
      const spec = buildService({ name, instance, values: valid, table: values, own, locate, namesOf }, context);
      return { spec, values: valid };
    };
    const { problems } = context.findings;
    const before = problems.length;
    if (group === null) warnOfLoneInstance(own, locate, context.findings);
    const ofInstance = (instance: number) =>
      build(group === null ? table : valuesOfInstance(table, instance, locate, context.findings), instance);
    const first = group === null ? build(table, null) : ofInstance(1);
    const all = [first];
    // A problem of the first instance is one of all: report it once.
    for (let instance = 2; group !== null && instance <= group.instances && problems.length === before; instance += 1) {
      all.push(ofInstance(instance));
    }
    const members = all.flatMap((one) => one?.spec ?? []);
    for (const spec of members) specs.set(spec.name, group === null ? spec : explainScale(spec, group));
    if (first !== null && problems.length === before) {
      const surgeInstance = (instance: number) => ofInstance(instance)?.spec ?? null;
      const rollout = rolloutOf({ values: first.values, members, own, surgeInstance }, locate, context.findings);
      if (rollout !== null) rollouts.set(name, rollout);
    }
    if (group === null) continue;
    const [beat, other] = members.map(({ launch }) => launch.heartbeatFile);
    if (beat !== undefined && beat === other) {
      const message = `all instances would share it; write \${instance} into it`;
      context.findings.problem(locate(['heartbeat', 'file']), message);
    }
  }
  const groups = new Map<string, InstanceGroup>();
  for (const [name, { group }] of entries) if (group !== null) groups.set(name, group);
  const names = new Set(subtable(root, 'services')?.entries.keys());
  for (const name of [...names]) for (const one of namesOf(name)) names.add(one);
  return { specs, groups, rollouts, names };
}

function readEntries(
  root: Table,
  defaults: Table,
  scale: InstanceCounts,
  { findings }: BuildContext,
): Map<string, ServiceTables> {
  const entries = new Map<string, ServiceTables>();
  for (const [name, node] of subtable(root, 'services')?.entries ?? []) {
    const locate = locateService(root, name);
    checkServiceName(name, locate([]), findings);
    if (node.kind === 'leaf') {
      findings.problem(locate([]), `expected a table: write [${keyPath(['services', name])}] on a line of its own`);
      continue;
    }
    const table = mergeTables(defaults, node);
    entries.set(name, { own: node, table, group: groupOf(table, scale.get(name)) });
  }
  return entries;
}

/** Whether the service is mentioned only in variables or env.toml. */
function isOverride({ origin }: Table): boolean {
  return origin.isSecret || origin.line === null;
}

function namesOfGroup(name: string, group: InstanceGroup | null): readonly string[] {
  if (group === null) return [name];
  return Array.from({ length: group.instances }, (_, index) => instanceName(name, index + 1));
}
