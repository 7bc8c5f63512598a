// The figures of a run as a Markdown table, beside what is aimed at.

import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { median } from './session.ts';

export type Unit = 'ms' | 'MB' | '%' | 'MB/s' | '×';

interface Named {
  readonly name: string;
}

/** The figures that the issues ask for, by the beginning of a row's name; less is better but for MB/s. */
const AIMS: readonly (readonly [row: string, aim: number])[] = [
  ['100 services running', 500],
  ['1000 services running', 2_400],
  ['100 services stopped', 100],
  ['1000 services stopped', 500],
  ['restart after kill -9, 100 services, median', 5],
  ['status of', 120],
  ['memory of the daemon, PSS, 100 ', 75],
  ['memory of the daemon, PSS, 1000 ', 100],
  ['idle CPU, 100 ', 0.5],
  ['CPU, 1000 services beating', 3],
  ['output, captured', 350],
  ['scrape of 1000', 80],
  ['1000 services adopted', 1_500],
  ['CPU, watching 1000 adopted', 3],
  ['gap in supervision', 1_000],
  ['1000 services in 10 levels, to as many', 1.3],
  ['restart of 100, to 1.2', 1],
  ['CPU, 1000 TCP probes', 10],
  ['first paint of the page, 100 ', 300],
  ['first paint of the page, 1000 ', 1_000],
  ['CPU that 10 event streams add', 10],
  ['opsd ctl why', 150],
  ['first picture of opsd ctl top', 150],
];

export class Report {
  readonly #rows = new Map<string, { readonly unit: Unit; readonly figures: Map<string, number[]> }>();

  /** Several figures of one kind become their median. */
  add(row: string, tool: Named, unit: Unit, figure: number): void {
    const known = this.#rows.get(row) ?? { unit, figures: new Map<string, number[]>() };
    this.#rows.set(row, known);
    const figures = known.figures.get(tool.name) ?? [];
    figures.push(figure);
    known.figures.set(tool.name, figures);
    process.stderr.write(`${row}: ${tool.name} ${show(figure)} ${unit} (load ${load()})\n`);
  }

  markdown(tools: readonly Named[]): string {
    const names = [...new Set([...tools.map(({ name }) => name), 'no supervisor'])].filter((name) =>
      [...this.#rows.values()].some(({ figures }) => figures.has(name)),
    );
    const head = [
      '',
      'aim',
      ...names.flatMap((name) => (name === 'opsd' || name === 'no supervisor' ? [name] : [name, ':opsd'])),
    ];
    const lines = [...this.#rows].map(([row, { unit, figures }]) => {
      const own = figures.get('opsd');
      const cells = names.flatMap((name) => {
        const theirs = figures.get(name);
        const cell = theirs === undefined ? '' : `${show(median(theirs))} ${unit}`;
        if (name === 'opsd' || name === 'no supervisor') return [cell];
        return [cell, theirs === undefined || own === undefined ? '' : `${show(median(theirs) / median(own))}×`];
      });
      return `| ${[row, aimOf(row, unit), ...cells].join(' | ')} |`;
    });
    return [
      `| ${head.join(' | ')} |`,
      `|${head.map((_, column) => (column === 0 ? '---' : '--:')).join('|')}|`,
      ...lines,
    ].join('\n');
  }

  /** Rows whose figure of opsd misses the aim. */
  missed(): string[] {
    return [...this.#rows].flatMap(([row, { unit, figures }]) => {
      const aim = AIMS.find(([name]) => row.startsWith(name))?.[1];
      const own = figures.get('opsd');
      if (aim === undefined || own === undefined) return [];
      const isMissed = unit === 'MB/s' ? median(own) < aim : median(own) > aim;
      return isMissed ? [`${row}: ${show(median(own))} ${unit}, aim ${aim}`] : [];
    });
  }
}

function aimOf(row: string, unit: Unit): string {
  const aim = AIMS.find(([name]) => row.startsWith(name))?.[1];
  return aim === undefined ? '' : `${unit === 'MB/s' ? '>' : '<'} ${aim} ${unit}`;
}

function show(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : figure >= 10 ? figure.toFixed(1) : figure.toFixed(2);
}

export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const memory = Number(/MemTotal:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 2 ** 20;
  return `${cpus().length} × ${model}, ${memory.toFixed(0)} GB, Linux ${release()}`;
}

export function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
