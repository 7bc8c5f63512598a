// What a service lacks is looked for in the background: it is started once when that is there, and never in vain again
// and again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../src/core/model/events.ts';
import { initialState, newService } from '../../../src/core/model/initial.ts';
import type { Service, State } from '../../../src/core/model/state.ts';
import { HostWatch } from '../../../src/daemon/watch/host-watch.ts';
import { Scheduler } from '../../simulation/scheduler.ts';
import { aService } from '../../simulation/specs.ts';

const PERIOD = 2_000;

/** Services that lack something, on a host of which the test says what is where. */
function world(names: readonly string[], spec: Partial<Service['spec']> = {}) {
  const scheduler = new Scheduler();
  const stamps = new Map<string, string | null>();
  const events: Event[] = [];
  const refreshed: (readonly string[])[] = [];
  let looks = 0;
  let why: string | null = 'it is missing';
  let isAllowed = true;
  let services = names.map((name): Service => {
    const service = newService({ ...aService(name), ...spec }, 1, 0);
    return { ...service, state: { name: 'failed', deadline: null }, lastReason: 'host_problem' };
  });
  const watch = new HostWatch({
    state: (): State => ({ ...initialState(1), services }),
    inspect: ({ name }) => ({ why, needs: { paths: new Set([`/${name}`]), accounts: [] } }),
    mayStart: async () => isAllowed,
    looks: {
      look(path, seen) {
        looks += 1;
        const stamp = stamps.get(path) ?? 'missing';
        if (stamp !== 'hangs') seen(stamp);
      },
      ask: () => {},
    },
    refresh: (services) => refreshed.push(services),
    post: (event) => events.push(event),
    clock: scheduler.clock,
  });
  return {
    events,
    refreshed,
    stamps,
    get looks() {
      return looks;
    },
    set why(now: string | null) {
      why = now;
    },
    set isAllowed(now: boolean) {
      isAllowed = now;
    },
    set services(now: Service[]) {
      services = now;
    },
    get services() {
      return services;
    },
    pass: (periods: number) => scheduler.pass(periods * PERIOD),
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
}

test('nothing is started until what is missing is there, and then once', async () => {
  using host = world(['web']);
  await host.pass(3);
  assert.deepEqual(host.events, []);
  host.stamps.set('/web', 'here');
  host.why = null;
  await host.pass(1);
  assert.deepEqual(host.events, [{ type: 'host_ready', service: 'web' }]);
  // It failed again though it seemed right, and nothing has changed since: the next try is that of retry_failed.
  await host.pass(10);
  assert.equal(host.events.length, 1);
  host.stamps.set('/web', 'another');
  await host.pass(1);
  assert.equal(host.events.length, 2);
});

test('what hangs, and what the user of the service may not execute, is not started', async () => {
  using host = world(['web']);
  host.stamps.set('/web', 'hangs');
  host.why = null;
  await host.pass(5);
  assert.deepEqual(host.events, []);
  host.isAllowed = false;
  host.stamps.set('/web', 'here');
  await host.pass(5);
  assert.deepEqual(host.events, []);
  host.isAllowed = true;
  host.stamps.set('/web', 'chmodded');
  await host.pass(1);
  assert.equal(host.events.length, 1);
});

test('a spec that was made when something was missing is made anew', async () => {
  using host = world(['web'], { gap: { path: '/web', why: 'no env file' }, hindrance: 'no env file' });
  host.why = null;
  await host.pass(4);
  assert.deepEqual([host.refreshed, host.events], [[['web']], []]);
});

test('a thousand services that lack something are looked at in turn, none is left out', async () => {
  const names = Array.from({ length: 1_200 }, (_, index) => `s${index}`);
  using host = world(names);
  await host.pass(1);
  assert.equal(host.looks, 500);
  host.why = null;
  for (const name of names) host.stamps.set(`/${name}`, 'here');
  await host.pass(6);
  assert.equal(new Set(host.events.map((event) => ('service' in event ? event.service : ''))).size, names.length);
});

test('who is stopped, started or forgotten meanwhile is left alone', async () => {
  using host = world(['web', 'db']);
  await host.pass(1);
  host.services = host.services.slice(0, 1).map((one) => ({ ...one, state: { name: 'stopped', deadline: null } }));
  host.why = null;
  host.stamps.set('/web', 'here');
  host.stamps.set('/db', 'here');
  await host.pass(3);
  assert.deepEqual(host.events, []);
});
