// All faults in one text: at each place a switch decides whether it is as it was written, or wrong.

import type { Fault } from './faults.ts';

/** A fault, and the number that its switch asks for. */
export interface Numbered {
  readonly fault: Fault;
  readonly id: number;
}

/** What has the same place in the text. */
interface Spot {
  readonly start: number;
  readonly end: number;
  readonly faults: Numbered[];
  readonly inside: Spot[];
}

const NAME = '__isPlanted';

/** `from`: the URL of the module that has the switch. */
export function withAllFaults(text: string, faults: readonly Numbered[], from: string): string {
  if (faults.length === 0) return text;
  const whole = rendered({ start: 0, end: text.length, faults: [], inside: spotsOf(faults) }, text);
  return `import { is as ${NAME} } from '${from}';\n${whole}`;
}

/** As they are nested: a place lies within another or beside it. */
function spotsOf(faults: readonly Numbered[]): Spot[] {
  const sorted = [...faults].sort(({ fault: a }, { fault: b }) => a.start - b.start || b.end - a.end);
  const top: Spot[] = [];
  const open: Spot[] = [];
  for (const one of sorted) {
    const { start, end } = one.fault;
    while (open.length > 0 && (open.at(-1)?.end ?? 0) <= start) open.pop();
    const last = open.at(-1);
    if (last !== undefined && last.start === start && last.end === end) {
      last.faults.push(one);
      continue;
    }
    const spot: Spot = { start, end, faults: [one], inside: [] };
    (last?.inside ?? top).push(spot);
    open.push(spot);
  }
  return top;
}

function rendered({ start, end, faults, inside }: Spot, text: string): string {
  let written = '';
  let at = start;
  for (const spot of inside) {
    written += text.slice(at, spot.start) + rendered(spot, text);
    at = spot.end;
  }
  written += text.slice(at, end);
  // What changes an expression first: as an element of a list it may be missing, too.
  const expressions = faults.filter(({ fault }) => fault.place === 'expression');
  if (expressions.length > 0) {
    const choices = expressions.map(({ fault, id }) => `${NAME}(${id}) ? (${fault.text}) : `);
    written = `(${choices.join('')}(${written}))`;
  }
  for (const { fault, id } of faults) {
    if (fault.place === 'statement') written = `{ if (!${NAME}(${id})) { ${written} } }`;
    if (fault.place === 'element') written = `...(${NAME}(${id}) ? [] : [${written}])`;
    if (fault.place === 'property') written = `...(${NAME}(${id}) ? {} : { ${written} })`;
  }
  return written;
}
