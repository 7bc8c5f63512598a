// What two things that happen one after the other to a group make of its rollout: every pair of them, soon and late.

import type { Config } from '../../src/core/model/config.ts';
import type { Policy, RolloutPolicy } from '../../src/core/model/spec.ts';
import { rolloutNote } from '../../src/core/rollout/note.ts';
import { Simulation } from '../simulation/simulation.ts';
import { aConfig, aGroup, aService, readyOn } from '../simulation/specs.ts';
import { crashing, obedient, steady, written } from '../simulation/story.ts';
import type { Entry } from '../support/book.ts';

const policy: Partial<Policy> = { ...steady, ready: readyOn('delay', 5_000, { delay: 500 }) };
const POLICIES: Readonly<Record<string, RolloutPolicy>> = {
  'one at a time': { maxUnavailable: 1, maxSurge: 0, onFailure: 'stop' },
  'a surge instance first': { maxUnavailable: 0, maxSurge: 1, onFailure: 'stop' },
  'back when one fails': { maxUnavailable: 1, maxSurge: 0, onFailure: 'rollback' },
};

/** Version 3 crashes. */
const configOf = (count: number, rollout: RolloutPolicy, version: number, changes: Partial<Policy> = {}): Config => {
  const group = aGroup('web', count, rollout, { ...policy, ...changes }, version);
  return { ...group, services: new Map([...group.services, ['other', aService('other', policy)]]) };
};

type Act = (simulation: Simulation, rollout: RolloutPolicy) => void;

const reload =
  (config: (rollout: RolloutPolicy) => Config): Act =>
  (simulation, rollout) =>
    simulation.post({ type: 'configured', config: config(rollout), isFirst: false });

const FIRST: Readonly<Record<string, Act>> = {
  'version 2': reload((rollout) => configOf(2, rollout, 2)),
  'version 3': reload((rollout) => configOf(2, rollout, 3)),
  'a rolling restart': (simulation) => void simulation.rollout('restart', 'web', ['web@1', 'web@2']),
};

const THEN: Readonly<Record<string, Act>> = {
  'version 1': reload((rollout) => configOf(2, rollout, 1)),
  ...FIRST,
  'three instances': reload((rollout) => configOf(3, rollout, 2)),
  'switched off': reload((rollout) => configOf(2, rollout, 2, { enabled: false })),
  'no group any more': reload(() => aConfig([aService('other', policy)])),
  undo: (simulation) => void simulation.rollout('undo', 'web'),
  retry: (simulation) => void simulation.rollout('retry', 'web'),
  'a stop of web@1': (simulation) => void simulation.order('stop', 'web@1'),
  'a restart of web@2': (simulation) => void simulation.order('restart', 'web@2'),
  'opsd is killed': (simulation, rollout) => simulation.crash(configOf(2, rollout, 2), true),
  'opsd is killed, and forgets': (simulation, rollout) => simulation.crash(configOf(2, rollout, 2), false),
};

export function rollouts(): readonly Entry[] {
  return Object.entries(POLICIES).flatMap(([how, rollout]) =>
    Object.entries(FIRST).flatMap(([first, act]) =>
      [10_700, 20_000].map((when) => ({
        title: `${how}: ${first}, and ${when === 20_000 ? 'when it is over' : 'while it goes on'}`,
        tell: () =>
          Object.entries(THEN)
            .map(([then, more]) => `  ${then}\n${story(rollout, act, when, more)}`)
            .join('\n'),
      })),
    ),
  );
}

function story(rollout: RolloutPolicy, first: Act, when: number, then: Act): string {
  const simulation = new Simulation(1, (_service, _generation, version) => (version === '3' ? crashing : obedient));
  simulation.boot(configOf(2, rollout, 1));
  simulation.runUntil(10_000);
  first(simulation, rollout);
  simulation.runUntil(when);
  const before = simulation.effects.length;
  then(simulation, rollout);
  const now = look(simulation);
  simulation.runUntil(40_000);
  const told = written(simulation.effects.slice(before))
    .split('\n')
    .filter((line) => / rollout | answer: | refused: /.test(line));
  return [...told, `now: ${now}`, `in the end: ${look(simulation)}`].map((line) => `    ${line}`).join('\n');
}

function look({ state }: Simulation): string {
  const services = state.services.map(({ spec, state: { name }, desired, nextSpec }) => {
    const note = rolloutNote(state, spec.name);
    const next = nextSpec === null ? '' : ` → ${nextSpec.launch.command[1]}`;
    return [
      `${spec.name} ${name} ${spec.launch.command[1]}${next}`,
      ...(desired === null ? [] : [desired]),
      ...(note === null ? [] : [`(${note.turn}: ${note.detail})`]),
    ].join(' ');
  });
  const last = [...state.rollouts.values()].map(({ phase, direction, kind, before, rejected, surging }) =>
    [phase, direction, kind, `before ${before.size}`, `rejected ${rejected.size}`, ...surging].join(' '),
  );
  return [...services, ...last].join('; ');
}
