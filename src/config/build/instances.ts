// Services with instances: how many there are, and `${instance}` in the values of each.

import type { InstanceGroup, ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { shown } from '../report/redaction.ts';
import { MOST_INSTANCES } from '../schema/service-keys.ts';
import { find, type Node, type Table } from '../source/tree.ts';

/** The number of instances; null: the service has none, or `instances` is not valid. `scaled`: by `opsd ctl scale`. */
export function groupOf(service: Table, scaled: number | undefined): InstanceGroup | null {
  const node = find(service, ['instances']);
  const configured = node?.kind === 'leaf' ? node.value : null;
  if (!isCount(configured)) return null;
  return { configured, instances: isCount(scaled) ? scaled : configured };
}

/** The spec with `opsd ctl scale` as the source of `instances`, if an operator scaled the group. */
export function explainScale(spec: ServiceSpec, { configured, instances }: InstanceGroup): ServiceSpec {
  const written = spec.effective.get('instances');
  if (written === undefined || configured === instances) return spec;
  const source = `opsd ctl scale (${written.source}: ${written.value})`;
  const effective = new Map(spec.effective).set('instances', { ...written, value: String(instances), source });
  return { ...spec, effective };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= MOST_INSTANCES;
}

/** `${…}`: the text in the braces, and whether they are closed. */
const BRACES = /\$\{([^{}]*)(\}?)/g;
const OF_INSTANCE = /\binstance\b/;
/** A sum that no shell accepts, unlike `${1-none}` and `${x+1}`: probably meant for opsd. */
const OTHER_SUM = /^\s*(?:\w+\s+[+-]\s*\d|\d+\s+[+-]|\d{2,}[+-])/;
/** Numbers have nine digits at most, so that every sum is exact. */
const SUM = /^\s*(?:instance|\d{1,9})(?:\s*[+-]\s*(?:instance|\d{1,9}))*\s*$/;

/** The values of one instance: `${instance}` is its number, `${8080 + instance}` a sum with it. */
export function valuesOfInstance(service: Table, instance: number, locate: Locate, findings: Findings): Table {
  return mapTexts(service, [], (text, path) =>
    text.replace(BRACES, (whole, sum: string, end: string) => {
      // `${HOME}` is left to the service.
      if (!OF_INSTANCE.test(sum) && !OTHER_SUM.test(sum)) return whole;
      if (SUM.test(sum) && end !== '') return String(add(sum, instance));
      const place = locate(path);
      const expected = `\${instance}, or a sum of whole numbers such as \${8080 + instance}`;
      const remedy = end === '' ? '; the closing } is missing' : '';
      findings.problem(place, `expected ${expected}, got ${shown(whole, place.isSecret)}${remedy}`);
      return whole;
    }),
  );
}

/** Warns of `${instance}` in a service without `instances`: that was forgotten, or a shell variable is meant. */
export function warnOfLoneInstance(service: Table, locate: Locate, findings: Findings): void {
  mapTexts(service, [], (text, path) => {
    const isOurs = [...text.matchAll(BRACES)].some(
      ([, sum = '', end]) => end !== '' && OF_INSTANCE.test(sum) && SUM.test(sum),
    );
    if (isOurs) {
      findings.warning(locate(path), `\${instance} stands for nothing here; add instances = 2, or remove it`);
    }
    return text;
  });
}

function add(sum: string, instance: number): number {
  let total = 0;
  for (const [, sign, term = ''] of sum.matchAll(/([+-])?\s*(instance|\d+)/g)) {
    const amount = term === 'instance' ? instance : Number(term);
    total += sign === '-' ? -amount : amount;
  }
  return total;
}

type TextMapping = (text: string, path: readonly string[]) => string;

/** Unchanged tables stay the same object, so that a thousand instances share most of their values. */
function mapTexts(table: Table, path: readonly string[], change: TextMapping): Table {
  let entries: Map<string, Node> | null = null;
  for (const [key, node] of table.entries) {
    const at = [...path, key];
    const next =
      node.kind === 'table' ? mapTexts(node, at, change) : { ...node, value: mapValue(node.value, at, change) };
    if (next.kind === 'table' ? next === node : node.kind === 'leaf' && next.value === node.value) continue;
    entries ??= new Map(table.entries);
    entries.set(key, next);
  }
  return entries === null ? table : { ...table, entries };
}

function mapValue(value: unknown, path: readonly string[], change: TextMapping): unknown {
  if (typeof value === 'string') return value.includes('${') ? change(value, path) : value;
  if (!Array.isArray(value)) return value;
  const items = value.map((item) => mapValue(item, path, change));
  return items.some((item, index) => item !== value[index]) ? items : value;
}
