// The model of `ctl top` and the effect of each key on it: pure, without a terminal.

import type { ServiceView, StatusView } from '../../api/services.ts';

type SortKey = 'configured' | 'name' | 'state' | 'cpu' | 'memory' | 'restarts';
type TopAction = 'start' | 'stop' | 'restart';

/** The last samples of one service, oldest first; null: it had no process. */
interface History {
  readonly cpu: readonly (number | null)[];
  readonly memory: readonly (number | null)[];
}

export interface TopModel {
  readonly status: StatusView;
  readonly histories: ReadonlyMap<string, History>;
  readonly sort: SortKey;
  readonly isReversed: boolean;
  readonly filter: string;
  /** filter: keys edit the filter. confirm: the next key confirms or cancels the command. */
  readonly mode: { readonly name: 'browse' | 'filter' } | { readonly name: 'confirm'; readonly order: TopOrder };
  /** The name of the selected service; null: no service is shown. */
  readonly selected: string | null;
  readonly message: string;
}

export interface TopOrder {
  readonly action: TopAction;
  readonly service: string;
}

type KeyResult = { readonly kind: 'quit' } | { readonly kind: 'order'; readonly order: TopOrder } | null;

export const SAMPLES = 12;
const LONGEST_FILTER = 64;
const PAGE = 10;
const SORTS: Readonly<Record<string, SortKey>> = {
  o: 'configured',
  n: 'name',
  t: 'state',
  c: 'cpu',
  m: 'memory',
  f: 'restarts',
};
const ACTIONS: Readonly<Record<string, TopAction>> = { r: 'restart', s: 'stop', u: 'start' };
const MOVES: Readonly<Record<string, number>> = { up: -1, k: -1, down: 1, j: 1, pageup: -PAGE, pagedown: PAGE };

export function newModel(status: StatusView): TopModel {
  const model: TopModel = {
    status,
    histories: new Map(),
    sort: 'configured',
    isReversed: false,
    filter: '',
    mode: { name: 'browse' },
    selected: null,
    message: '',
  };
  return follow(model);
}

/** `isSample`: opsd has measured since the last sample, so one is added. Histories of removed services are dropped. */
export function withStatus(model: TopModel, status: StatusView, isSample: boolean): TopModel {
  const histories = new Map<string, History>();
  for (const { name, cpu_ratio, memory_bytes } of status.services) {
    const { cpu = [], memory = [] } = model.histories.get(name) ?? {};
    const add = (samples: readonly (number | null)[], value: number | null) =>
      isSample ? [...samples, value].slice(-SAMPLES) : samples;
    histories.set(name, { cpu: add(cpu, cpu_ratio), memory: add(memory, memory_bytes) });
  }
  return follow({ ...model, status, histories });
}

/** The services that pass the filter, in the order of the table. */
export function visible({ status, filter, sort, isReversed }: TopModel): readonly ServiceView[] {
  const wanted = filter.toLowerCase();
  const found = status.services.filter(({ name, state }) => `${name} ${state}`.toLowerCase().includes(wanted));
  const sorted = sort === 'configured' ? found : found.toSorted((a, b) => compare(a, b, sort));
  return isReversed ? sorted.toReversed() : sorted;
}

/** Handles a key; `key`: a letter, or a name from KEYS. */
export function press(model: TopModel, key: string): readonly [TopModel, KeyResult] {
  if (key === 'ctrl-c') return [model, { kind: 'quit' }];
  switch (model.mode.name) {
    case 'filter':
      return [type(model, key), null];
    case 'confirm': {
      const browsing: TopModel = { ...model, mode: { name: 'browse' }, message: '' };
      return key === 'y' ? [browsing, { kind: 'order', order: model.mode.order }] : [browsing, null];
    }
    default:
      return browse({ ...model, message: '' }, key);
  }
}

function browse(model: TopModel, key: string): readonly [TopModel, KeyResult] {
  const sort = SORTS[key];
  const action = ACTIONS[key];
  const move = MOVES[key];
  if (key === 'q') return [model, { kind: 'quit' }];
  if (key === '/') return [{ ...model, mode: { name: 'filter' } }, null];
  if (key === 'escape') return [follow({ ...model, filter: '' }), null];
  if (sort !== undefined) return [{ ...model, sort, isReversed: sort === model.sort && !model.isReversed }, null];
  if (move !== undefined) return [moved(model, move), null];
  if (key === 'home') return [moved(model, Number.NEGATIVE_INFINITY), null];
  if (key === 'end') return [moved(model, Number.POSITIVE_INFINITY), null];
  if (action === undefined || model.selected === null) return [model, null];
  return [{ ...model, mode: { name: 'confirm', order: { action, service: model.selected } } }, null];
}

function type(model: TopModel, key: string): TopModel {
  if (key === 'enter') return { ...model, mode: { name: 'browse' } };
  if (key === 'escape') return follow({ ...model, filter: '', mode: { name: 'browse' } });
  if (key === 'backspace') return follow({ ...model, filter: model.filter.slice(0, -1) });
  if (!/^[ -~]$/.test(key) || model.filter.length >= LONGEST_FILTER) return model;
  return follow({ ...model, filter: model.filter + key });
}

function moved(model: TopModel, by: number): TopModel {
  const rows = visible(model);
  const at = rows.findIndex(({ name }) => name === model.selected);
  const place = Math.min(Math.max(at + by, 0), rows.length - 1);
  return { ...model, selected: rows[place]?.name ?? null };
}

/** Keeps the selected service while it is shown, and selects the first one otherwise. */
function follow(model: TopModel): TopModel {
  const rows = visible(model);
  if (rows.some(({ name }) => name === model.selected)) return model;
  return { ...model, selected: rows[0]?.name ?? null };
}

/** Names and states in alphabetical order, figures with the largest first. */
function compare(a: ServiceView, b: ServiceView, sort: Exclude<SortKey, 'configured'>): number {
  switch (sort) {
    case 'name':
      return a.name < b.name ? -1 : 1;
    case 'state':
      return a.state === b.state ? 0 : a.state < b.state ? -1 : 1;
    case 'cpu':
      return (b.cpu_ratio ?? -1) - (a.cpu_ratio ?? -1);
    case 'memory':
      return (b.memory_bytes ?? -1) - (a.memory_bytes ?? -1);
    case 'restarts':
      return b.restarts - a.restarts;
  }
}
