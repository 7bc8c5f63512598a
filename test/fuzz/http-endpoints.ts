// The places of opsd's API, and what is sent to them: names, queries, JSON bodies.

import type { Chance } from '../chaos/chance.ts';
import type { Body, Door } from './http-grammar.ts';
import { mutate, nasty, noise } from './mutations.ts';

/** The services of the opsd that is fuzzed, see http-campaign.ts. */
const NAMES = ['web', 'web@1', 'web@2', 'db', 'app', 'job', 'chatty'];

export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly query: readonly string[];
  /** Fields of its body that mean something. */
  readonly fields: Readonly<Record<string, readonly unknown[]>>;
  /** One more digit in it would start a hundred processes: bytes of it are not changed at random. */
  readonly isCostly: boolean;
}

const READABLE = ['/', '/metrics', '/.well-known/live', '/.well-known/ready', '/api/v1/services', '/api/v1/graph'];
const OF_SERVICE = ['', '/why', '/events', '/log', '/log', '/nothing'];
const ORDERS = ['start', 'stop', 'restart', 'run', 'reset', 'signal'];
const FLAGS = [true, false, false, false, null, 'true', 1];
const SIGNALS = ['HUP', 'SIGCONT', 'USR1', 'SIGTERM', 'SIGKILL', 'SIGNONE', 9, null, '__proto__', ''];

export function endpointOf(chance: Chance, door: Door): Endpoint {
  const name = nameOf(chance);
  const read = (path: string, ...query: string[]): Endpoint => ({
    method: 'GET',
    path,
    query,
    fields: {},
    isCostly: false,
  });
  const post = (path: string, fields: Endpoint['fields'] = {}): Endpoint => {
    return { method: 'POST', path, query: [], fields, isCostly: false };
  };
  const change = door === 'socket' ? 2 : 0.4;
  return chance.weighted<() => Endpoint>([
    [20, () => read(chance.pick(READABLE) ?? '/', ...queriesOf(chance))],
    [20, () => read(`/api/v1/services/${name}${chance.pick(OF_SERVICE)}`, ...queriesOf(chance))],
    [4, () => read('/api/v1/events', ...queriesOf(chance))],
    [3, () => read('/api/v1/events/recent')],
    [3, () => read('/api/v1/rollouts', ...queriesOf(chance))],
    [2, () => read(`/${nasty(chance)}`)],
    [
      2 * change,
      () => post(`/api/v1/services/${name}/${chance.pick(ORDERS)}`, { wait: FLAGS, cascade: FLAGS, signal: SIGNALS }),
    ],
    [2 * change, () => post('/api/v1/orders', ordersOf(chance))],
    [
      0.5 * change,
      () => ({
        ...post(`/api/v1/services/${name}/scale`, { instances: [1, 2, 3, 2, 0, -1, 1.5, 1e9, null, '2'] }),
        isCostly: true,
      }),
    ],
    [
      0.3 * change,
      () => post('/api/v1/rollouts', { ...ordersOf(chance), action: ['restart', 'undo', 'retry', 'x', 1] }),
    ],
    [0.3 * change, () => post('/api/v1/reload', { dry_run: FLAGS, allow_empty: FLAGS })],
    // What ends opsd is asked for only where it is refused.
    [door === 'socket' ? 0 : 0.5, () => post(`/api/v1/${chance.pick(['shutdown', 'handover'])}`)],
    [1, () => post(`/api/v1/${nasty(chance)}`)],
  ])();
}

function ordersOf(chance: Chance): Endpoint['fields'] {
  const some = Array.from({ length: chance.between(0, 5) }, () => nameOf(chance));
  const many = Array.from({ length: chance.is(0.05) ? 2_000 : 20 }, () => `x${chance.between(0, 1e6)}`);
  return {
    action: [...ORDERS, 'x', 1],
    services: [some, some, many, ['*'], 'web', [1], null],
    wait: FLAGS,
    cascade: FLAGS,
    signal: SIGNALS,
  };
}

function nameOf(chance: Chance): string {
  return chance.weighted<() => string>([
    [12, () => chance.pick(NAMES) ?? ''],
    [
      1,
      () =>
        chance.pick(['web@9', 'web@', '@1', 'web@1@2', 'nobody', 'all', '+tag', '+', '*', 'w*', '?', '__proto__']) ??
        '',
    ],
    [1, () => encodeURIComponent(nasty(chance))],
    [1, () => nasty(chance)],
    [0.5, () => 'a*'.repeat(chance.between(1, 60))],
    [0.5, () => 'web'.repeat(chance.between(1, 2_000))],
  ])();
}

function queriesOf(chance: Chance): string[] {
  if (chance.is(0.6)) return [];
  if (chance.is(0.02))
    return Array.from({ length: chance.between(10, 700) }, (_, index) => `service=${nasty(chance)}${index}`);
  return Array.from({ length: chance.between(1, 4) }, () => {
    const value = chance.is(0.7) ? encodeURIComponent(nasty(chance)) : nasty(chance);
    return chance.weighted<string>([
      [4, `service=${nameOf(chance)}`],
      [3, `lines=${chance.pick(['0', '1', '10', '10000', '10001', '-1', '1.5', '1e3', value])}`],
      [1, `follow=${chance.pick(['true', 'false', value])}`],
      [1, `rotated=${chance.pick(['true', value])}`],
      [1, `since=${chance.pick(['0', '5', '1.1', value])}`],
      [1, `of=${chance.pick(['services', 'changes', value])}`],
      [1, `${value}=${value}`],
    ]);
  });
}

/** Mostly an object with fields that this endpoint knows; else other JSON, or none. */
export function bodyOf(chance: Chance, { fields, isCostly }: Endpoint): Body {
  const right = () => {
    const entries = Object.entries(fields).filter(
      ([name]) => name === 'action' || name === 'services' || chance.is(0.5),
    );
    return JSON.stringify(Object.fromEntries(entries.map(([name, values]) => [name, chance.pick(values)])));
  };
  const bytes = chance.weighted<() => Buffer>([
    [30, () => Buffer.from(right())],
    [isCostly ? 0 : 5, () => mutate(chance, Buffer.from(right()))],
    [2, () => Buffer.alloc(0)],
    [
      2,
      () =>
        Buffer.from(
          chance.pick(['null', '[]', '1', '"x"', '{"__proto__":{"wait":false}}', '{"wait":false,"wait":1}', '{']) ?? '',
        ),
    ],
    [1, () => Buffer.from(`{"${nasty(chance)}":${nasty(chance)}}`)],
    [1, () => noise(chance, chance.between(1, 100))],
    [0.5, () => Buffer.from('['.repeat(chance.between(1, 60_000)))],
    [0.5, () => Buffer.from('{"a":'.repeat(chance.between(1, 12_000)))],
    [0.2, () => Buffer.alloc(chance.between(60_000, 70_000), '{"a":1} ')],
  ])();
  return { bytes, isChunked: chance.is(0.15) };
}
