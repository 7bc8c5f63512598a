// The screen of `ctl top`: its lines fit the width and height of the terminal.

import type { ServiceView } from '../../api/services.ts';
import { ago } from '../../runtime/wall-time.ts';
import { sanitised } from '../../text/harmless.ts';
import { percent, size, span } from '../../text/quantities.ts';
import { COLOURS, stateWord } from '../show/state-word.ts';
import { noteOf, statusSummary } from '../show/status-table.ts';
import { paint } from '../show/terminal.ts';
import { SAMPLES, type TopModel, visible } from './model.ts';

interface Size {
  readonly columns: number;
  readonly rows: number;
  readonly hasColours: boolean;
  /** Unix milliseconds. */
  readonly now: number;
}

const BARS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/** Lines that show no service: summary, sort order, titles, keys. */
const FRAME = 4;
const WIDEST_NAME = 32;
/** The width of state, time and restarts, each with a gap in front. */
const HEAD = 3 * (2 + 8);
const KEYS = 'q quit  / filter  c cpu  m memory  n name  t state  f restarts  o order  r restart  s stop  u start';

export function screenOf(model: TopModel, at: Size): readonly string[] {
  const rows = visible(model);
  const room = Math.max(1, at.rows - FRAME);
  const selected = rows.findIndex(({ name }) => name === model.selected);
  const first = Math.max(0, Math.min(selected - Math.floor(room / 2), rows.length - room));
  const shown = rows.slice(first, first + room);
  const width = Math.min(
    WIDEST_NAME,
    model.status.services.reduce((most, { name }) => Math.max(most, name.length), 4),
  );
  const title = row('NAME', 'STATE', 'UP', 'RESTARTS', 'CPU', '', 'MEMORY', '', width);
  return [
    fit(statusSummary(model.status, at.now), at),
    paint(at, 'dim', fit(`sorted by ${model.sort}${model.isReversed ? ', reversed' : ''}${filterText(model)}`, at)),
    paint(at, 'bold', fit(title, at)),
    ...shown.map((service) => serviceLine(service, model, width, at)),
    ...Array.from({ length: room - shown.length }, () => ''),
    bottom(model, at),
  ];
}

/** A bar for each sample, scaled to the largest of them or to `least`, whichever is larger. */
export function sparkline(samples: readonly (number | null)[], least: number): string {
  const most = samples.reduce<number>((highest, value) => Math.max(highest, value ?? 0), least);
  const bars = samples.map((value) => {
    return value === null ? ' ' : (BARS[Math.min(7, Math.floor((value / most) * 8))] ?? ' ');
  });
  return bars.join('').padStart(SAMPLES);
}

function serviceLine(service: ServiceView, model: TopModel, width: number, at: Size): string {
  const state = stateWord(service, at.now);
  const { name, started_at: started, restarts, cpu_ratio: cpu, memory_bytes: memory } = service;
  const history = model.histories.get(name);
  const text = row(
    name.length > width ? `${name.slice(0, width - 1)}…` : name,
    state,
    started === null ? '-' : span(ago(started, at.now)),
    String(restarts),
    cpu === null ? '-' : percent(cpu),
    // Below a tenth of a core the bars stay low.
    sparkline(history?.cpu ?? [], 0.1),
    memory === null ? '-' : size(memory),
    sparkline(history?.memory ?? [], 1),
    width,
  );
  const note = noteOf(service, at.now);
  const isTrouble = state === 'unstable' || service.state !== 'running' || service.healthy === false;
  // Where both do not fit, what went wrong is worth more than figures, which a service that is down has none of.
  const isShort = isTrouble && note !== '' && text.length + 2 + note.length > at.columns;
  const figures = isShort ? text.slice(1, 1 + width + HEAD) : text.slice(1);
  const line = fit(`${name === model.selected ? '>' : ' '}${figures}${note === '' ? '' : `  ${note}`}`, at);
  const place = 1 + width + 2;
  const end = place + state.length;
  return `${line.slice(0, place)}${paint(at, COLOURS[state], line.slice(place, end))}${line.slice(end)}`;
}

function row(
  name: string,
  state: string,
  up: string,
  restarts: string,
  cpu: string,
  cpuLine: string,
  memory: string,
  memoryLine: string,
  width: number,
): string {
  const figures = [up.padStart(8), restarts.padStart(8), cpu.padStart(7), cpuLine.padEnd(SAMPLES), memory.padStart(7)];
  return ` ${[name.padEnd(width), state.padEnd(8), ...figures, memoryLine].join('  ')}`;
}

function bottom(model: TopModel, at: Size): string {
  if (model.mode.name === 'confirm') {
    const { action, service } = model.mode.order;
    return paint(at, 'yellow', fit(`${action} ${service}? y: yes, any other key: no`, at));
  }
  if (model.mode.name === 'filter') return fit(`filter: ${model.filter}_  (Enter: keep, Esc: none)`, at);
  return model.message === '' ? paint(at, 'dim', fit(KEYS, at)) : fit(sanitised(model.message), at);
}

function filterText({ filter }: TopModel): string {
  return filter === '' ? '' : `, only what has "${filter}" in its name or state`;
}

function fit(text: string, { columns }: Size): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
