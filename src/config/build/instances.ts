// Services of which there are several: how many, and what is put into the values of each for `${instance}`.

import type { InstanceGroup, ServiceSpec } from '../../core/model/spec.ts';
import type { Locate } from '../report/locate.ts';
import type { Findings } from '../report/problems.ts';
import { shown } from '../report/redaction.ts';
import { MOST_INSTANCES } from '../schema/schema.ts';
import { find, type Node, type Table } from '../source/tree.ts';

/** How many there are to be of this service; null: it has no instances, or a number that is no number of them. */
export function groupOf(service: Table, scaled: number | undefined): InstanceGroup | null {
  const node = find(service, ['instances']);
  const configured = node?.kind === 'leaf' ? node.value : null;
  if (!isCount(configured)) return null;
  return { configured, instances: isCount(scaled) ? scaled : configured };
}

/** How many there are, and who wants it, where that is not the file. */
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

/** What is in braces, and whether they are closed. */
const BRACES = /\$\{([^{}]*)(\}?)/g;
const OF_INSTANCE = /\binstance\b/;
/** A sum that no shell would take: `${1-none}` and `${x+1}` are for one. */
const OTHER_SUM = /^\s*(?:\w+\s+[+-]\s*\d|\d+\s+[+-]|\d{2,}[+-])/;
/** Numbers of up to nine digits, so that no sum of a line is too large to be exact. */
const SUM = /^\s*(?:instance|\d{1,9})(?:\s*[+-]\s*(?:instance|\d{1,9}))*\s*$/;

/** The values of one instance: `${instance}` is its number, `${8080 + instance}` a sum with it. */
export function valuesOfInstance(service: Table, instance: number, locate: Locate, findings: Findings): Table {
  return mapTexts(service, [], (text, path) =>
    text.replace(BRACES, (whole, sum: string, end: string) => {
      // `${HOME}` is the service's.
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

/** Who writes it without `instances` has forgotten that, or means a variable of a shell. */
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

type Change = (text: string, path: readonly string[]) => string;

/** What does not change stays the same object: of a thousand instances most of each is shared. */
function mapTexts(table: Table, path: readonly string[], change: Change): Table {
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

function mapValue(value: unknown, path: readonly string[], change: Change): unknown {
  if (typeof value === 'string') return value.includes('${') ? change(value, path) : value;
  if (!Array.isArray(value)) return value;
  const items = value.map((item) => mapValue(item, path, change));
  return items.some((item, index) => item !== value[index]) ? items : value;
}
