// Every state meets every event: nothing throws, and the arrows that come of it are the table of docs/states.md.

import { strict as assert } from 'node:assert';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Event } from '../../src/core/model/events.ts';
import { newService } from '../../src/core/model/initial.ts';
import type { State } from '../../src/core/model/state.ts';
import { STATES } from '../../src/core/model/states.ts';
import { step } from '../../src/core/supervisor.ts';
import { aService } from '../simulation/specs.ts';
import { events, everyState, group, NOW, policies, worldWith } from './everything.ts';

const STATES_PAGE = join(import.meta.dirname, '../../docs/states.md');

/** `from` to event to the states it may lead to, itself left out. */
function walk(): Map<string, Map<string, Set<string>>> {
  const arrows = new Map<string, Map<string, Set<string>>>();
  for (const from of STATES) {
    const row = new Map<string, Set<string>>();
    for (const [name, eventFor] of events) {
      const ends = new Set<string>();
      for (const policy of policies) {
        for (const state of everyState(from)) {
          for (const isQueued of [false, true]) {
            const service = { ...newService(aService('web', policy), 7, NOW - 1), state, isQueued };
            const event = eventFor(policy);
            const world = worldWith(service);
            const groups = event.type === 'rollout' ? new Map([['web', group]]) : world.groups;
            for (const to of pathOf({ ...world, groups }, event)) ends.add(to);
          }
        }
      }
      row.set(name, ends);
    }
    arrows.set(from, row);
  }
  return arrows;
}

/** The states on the way, the last one included. */
function pathOf(world: State, event: Event): readonly string[] {
  const [after, effects] = step(world, event, NOW);
  const visited = effects.flatMap((effect) => (effect.type === 'transition' ? [effect.to] : []));
  const [service] = after.services;
  if (service !== undefined && visited.length > 0) assert.equal(service.state.name, visited.at(-1));
  for (const effect of effects) {
    if (effect.type !== 'transition' || effect.from !== effect.to) continue;
    // A run that was queued behind one that could not be started: another generation.
    assert.ok(effect.to === 'starting' && effect.generation === 8, 'a transition goes somewhere');
  }
  return visited;
}

function tableOf(arrows: Map<string, Map<string, Set<string>>>): string {
  const lines = ['| from | event | to |', '|---|---|---|'];
  for (const [from, row] of arrows) {
    const byTarget = new Map<string, string[]>();
    for (const [event, ends] of row) {
      for (const to of ends) byTarget.set(to, [...(byTarget.get(to) ?? []), event]);
    }
    for (const to of STATES) {
      const names = byTarget.get(to);
      if (names !== undefined && to !== from) lines.push(`| ${from} | ${names.join('; ')} | ${to} |`);
    }
  }
  return lines.join('\n');
}

const arrows = walk();

test('every state meets every event without an exception', () => {
  assert.deepEqual([...arrows.keys()], STATES);
  for (const [from, row] of arrows) assert.equal(row.size, events.length, from);
});

test('the table of arrows in docs/states.md is what the machine does', () => {
  const wanted = tableOf(arrows);
  const text = readFileSync(STATES_PAGE, 'utf8');
  const [, before, after] = /^([\s\S]*<!-- arrows -->\n)[\s\S]*?(\n<!-- \/arrows -->[\s\S]*)$/.exec(text) ?? [];
  assert.ok(before !== undefined && after !== undefined, 'docs/states.md has a place for the table');
  const renewed = `${before}${wanted}${after}`;
  // `UPDATE=1 make test` writes it; a review sees the difference.
  if (process.env.UPDATE === '1') writeFileSync(STATES_PAGE, renewed);
  else assert.equal(text, renewed, 'run UPDATE=1 node --test test/core/walk.test.ts, and read what changed');
});

test('old news is no news: whatever is told of another generation changes nothing in any state', () => {
  const news = events.map(([, make]) => make({})).filter((event) => 'generation' in event);
  assert.ok(news.length >= 15);
  for (const policy of policies) {
    for (const from of STATES) {
      for (const state of everyState(from)) {
        const world = worldWith({ ...newService(aService('web', policy), 7, NOW), state });
        for (const event of news) {
          for (const generation of [6, 8]) {
            const [after, effects] = step(world, { ...event, generation }, NOW);
            assert.deepEqual([after.services, effects], [world.services, []], `${from} heard ${event.type} of another`);
          }
        }
      }
    }
  }
});

test('a stop beats what was to follow, and a start beats a stop, in every state', () => {
  for (const from of STATES) {
    for (const state of everyState(from)) {
      const world = worldWith({ ...newService(aService('web'), 7, NOW), state });
      const [stopped] = step(
        world,
        { type: 'order', id: 1, action: 'stop', services: ['web'], cascade: false, by: 'a' },
        NOW,
      );
      assert.match(goal(stopped), /^stopped$/, `stop in ${from}`);
      const [started] = step(stopped, { type: 'order', id: 2, action: 'start', services: ['web'], by: 'b' }, NOW);
      assert.match(goal(started), /^(start|starting)$/, `start after stop in ${from}`);
    }
  }
});

function goal({ services: [service] }: State): string {
  if (service === undefined) return 'forgotten';
  return 'next' in service.state ? service.state.next.to : service.state.name;
}
